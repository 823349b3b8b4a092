"""Fixtures for all tests: a base model of two layers, and a checkpoint and a package made from it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from core.datasets import Example, kept_dataset
from tests.tasks import TaskFiles, make_task, make_task_base_model, multi_label_rows, paired_rows
from tests.tiny import make_base_model, tiny_rows, tiny_settings


@pytest.fixture(scope="session")
def tiny_examples() -> list[Example]:
    """120 distinct rows of 3 labels with different words."""
    return tiny_rows(120)


@pytest.fixture(scope="session")
def tiny_base_model(tmp_path_factory: pytest.TempPathFactory, tiny_examples: list[Example]) -> Path:
    """A random BERT with the words of `tiny_examples`."""
    return make_base_model(tmp_path_factory.mktemp("base") / "tiny", [example.text for example in tiny_examples])


@pytest.fixture(scope="session")
def tiny_checkpoint(
    tmp_path_factory: pytest.TempPathFactory, tiny_base_model: Path, tiny_examples: list[Example]
) -> Path:
    """A checkpoint of the method `features`; its training and validation rows are stored in `datasets` beside it."""
    from finetune.run import finetune

    folder = tmp_path_factory.mktemp("checkpoint")
    finetune(
        tiny_examples,
        out=folder / "tiny",
        settings=tiny_settings(tiny_base_model),
        cache=folder / "cache",
        datasets=folder / "datasets",
    )
    return folder / "tiny"


@pytest.fixture(scope="session")
def tiny_validation(tiny_checkpoint: Path) -> list[Example]:
    """The validation rows of `tiny_checkpoint`."""
    from core.checkpoint import read_training

    return kept_dataset(read_training(tiny_checkpoint).data.validation, tiny_checkpoint.parent / "datasets")


@pytest.fixture(scope="session")
def tiny_package(
    tmp_path_factory: pytest.TempPathFactory, tiny_checkpoint: Path, tiny_validation: list[Example]
) -> Path:
    """`tiny_checkpoint` exported in full precision, so that every run has the same rung."""
    from export.run import export
    from export.settings import ExportSettings

    folder = tmp_path_factory.mktemp("package") / "tiny"
    settings = ExportSettings(max_drop=0.005, min_agreement=0.985)
    export(tiny_checkpoint, out=folder, validation=tiny_validation, settings=settings, rung="fp32")
    return folder


@pytest.fixture(scope="session")
def family_folder(tmp_path_factory: pytest.TempPathFactory, tiny_examples: list[Example]) -> Callable[[str], Path]:
    """Returns the folder of a random base model of an encoder family, with the words of `tiny_examples`."""
    from tests.families import make_family

    made: dict[str, Path] = {}

    def folder_of(name: str) -> Path:
        if name not in made:
            folder = tmp_path_factory.mktemp("family") / name
            made[name] = make_family(folder, name, [example.text for example in tiny_examples])
        return made[name]

    return folder_of


@pytest.fixture(scope="session")
def task_base_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_task_base_model(tmp_path_factory.mktemp("base") / "tasks")


@pytest.fixture(scope="session")
def multi_label(tmp_path_factory: pytest.TempPathFactory, task_base_model: Path) -> TaskFiles:
    """A model that gives a text zero to three labels."""
    rows = multi_label_rows(480)
    facts = {
        "kind": "multi-label",
        "thresholds": {"billing": 0.4, "bug": 0.5, "how_to": 0.6},
        "abstain_below": 0.5,
        "validation_rows": 150,
    }
    return make_task(tmp_path_factory.mktemp("multi"), task_base_model, rows, **facts)


@pytest.fixture(scope="session")
def paired(tmp_path_factory: pytest.TempPathFactory, task_base_model: Path) -> TaskFiles:
    """A model of text pairs; the label is the topic of the second text."""
    return make_task(tmp_path_factory.mktemp("paired"), task_base_model, paired_rows(960), validation_rows=150)
