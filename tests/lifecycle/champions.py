"""A home with a champion and given rows, for the tests of challengers."""

from __future__ import annotations

import random
import shutil
from pathlib import Path
from typing import Any

from core.assigned import cells
from core.champion import read_champion
from core.config import FinetuneConfig
from core.datasets import Example, kept_dataset
from core.engine import Engine
from core.home import Home
from core.labels import cell_of, names_in
from core.package import read_facts
from core.progress import ignore
from core.records import JobRecord
from lifecycle.challengers.catalogue import CHALLENGERS
from lifecycle.challengers.challenger import Challenger
from lifecycle.challengers.training_set import TrainingSet
from lifecycle.situation import Situation, assess
from tests.tiny import FILLER

JOB = JobRecord(1, "m", "retrain", "running", {}, 1, None, "", None, None, None, None)


def new_label_rows(count: int) -> list[Example]:
    """Rows of the label "chat", which no other row has: of words that belong to no other label."""
    chance = random.Random(3)
    texts = {" ".join(chance.sample(FILLER, 5)): None for _ in range(3 * count)}
    return [Example(text, "chat") for text in list(texts)[:count]]


def answered(engine: Engine, rows: list[Example]) -> list[str]:
    given = cells(engine.answer([row.input for row in rows]).predicted, engine.labels)
    return [cell_of(names_in(cell)) if engine.facts.kind == "multi-label" else cell for cell in given]


class Case:
    """A home with a champion whose checkpoint is kept, and rows of which some are new."""

    def __init__(self, home: Home, checkpoint: Path, package: Path, datasets: Path, given: list[Example]) -> None:
        shutil.copytree(datasets, home.config.datasets, dirs_exist_ok=True)
        home.registry.promote("m", home.registry.add(package, "m"))
        home.checkpoints.keep(checkpoint)
        self.home, self.given = home, given
        data = read_facts(package).lineage.data
        trained, self.validation = (kept_dataset(name, home.config.datasets) for name in (data.train, data.validation))
        self.rows = TrainingSet([*trained, *self.validation, *given], [], [], [], {})

    @property
    def situation(self) -> Situation:
        return assess(self.home, read_champion(self.home.registry, "m"))

    def train(self, name: str, work: Path, **settings: Any) -> Challenger:
        finetune = FinetuneConfig.model_validate({"method": "features", "max_length": 32, **settings})
        config = self.home.config.model_copy(update={"finetune": finetune})
        return CHALLENGERS[name](JOB, self.rows, self.situation, config, work, ignore)
