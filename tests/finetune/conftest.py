"""The fixture `make_task`."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from core.datasets import Example
from core.labels import Kind
from finetune.encoders.base_models import find_base_model
from finetune.encoders.frozen import load_frozen
from finetune.preparation import prepare
from finetune.run_state.plans import Plans
from finetune.run_state.run_folder import RunFolder
from finetune.split import split
from finetune.task import Task
from tests.finetune.tasks import MakeTask
from tests.tiny import tiny_settings


@pytest.fixture
def make_task(tiny_base_model: Path, tiny_examples: list[Example], tmp_path: Path) -> MakeTask:
    """Makes a task as `finetune` does, by default of 80 rows and 3 labels: `make_task(budget_s=0.0, epochs=2)`."""
    numbers = count()

    def make(examples: Sequence[Example] = tiny_examples[:80], *, budget_s: float = math.inf, **settings: Any) -> Task:
        kind: Kind = "multi-label" if settings.get("multi_label") else "single-label"
        chosen = tiny_settings(tiny_base_model, **{"epochs": 4, "lr": 4e-4, **settings})
        frozen = load_frozen(find_base_model(str(tiny_base_model)), max_length=32, cache=tmp_path / "cache")
        number = next(numbers)
        return prepare(
            split(examples, kind, share=0.4, max_rows=1000, seed=0),
            kind,
            frozen,
            settings=chosen,
            ends_at=time.monotonic() + budget_s,
            run_folder=RunFolder(tmp_path / f"out-{number}", "id", begun_at=time.monotonic(), is_resumed=False),
            plans=Plans(tmp_path / f"plans-{number}", {"settings": chosen.model_dump()}),
            on_progress=lambda stage, share: None,
        )

    return make
