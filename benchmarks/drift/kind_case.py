"""A data set with a champion, and pools of rows with their features from which windows are drawn."""

from __future__ import annotations

import csv
import random
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

from benchmarks.drift import foreign
from benchmarks.drift.planted import TEXT_PLANTS
from core.datasets import Example
from core.engine import Engine
from core.features import Features

FOREIGN = {"banking77": foreign.GERMAN, "clinc150": foreign.SPANISH, "crisislex": foreign.PORTUGUESE}
TRAIN_ROWS, POOL_ROWS, TOPICS, TOPIC_ROWS = 4_500, 4_000, 5, 120


@dataclass(frozen=True)
class Pool:
    texts: list[str]
    features: Features


@dataclass(frozen=True)
class Case:
    """`pools`: "base" and the same rows with each plant, "foreign", and the topics that the champion never saw."""

    labels: list[str]
    max_length: int
    pools: dict[str, Pool]

    @property
    def topics(self) -> list[str]:
        return [name for name in self.pools if name.startswith("topic ")]


def parts_of(name: str, data: Path) -> tuple[list[Example], list[Example], dict[str, list[Example]]]:
    """Training rows, pool rows, and rows of topics that are in neither."""
    draw = random.Random(name)
    if name == "crisislex":
        rows, topics = _events(data / "crisislex_t6")
    else:
        rows = [row for path in sorted((data / name).glob("t*.csv")) for row in _read(path)]
        held = draw.sample(sorted({row.label or "" for row in rows}), TOPICS)
        topics = {label: [row for row in rows if row.label == label] for label in held}
        rows = [row for row in rows if row.label not in topics]
    draw.shuffle(rows)
    topics = {label: draw.sample(found, min(TOPIC_ROWS, len(found))) for label, found in topics.items()}
    return rows[:TRAIN_ROWS], rows[TRAIN_ROWS : TRAIN_ROWS + POOL_ROWS], topics


def _events(folder: Path) -> tuple[list[Example], dict[str, list[Example]]]:
    later = ("2013_oklahoma_tornado", "2013_west_texas_explosion")
    rows = [row for path in sorted(folder.glob("*.csv")) if path.stem not in later for row in _read(path)]
    topics = {stem: [row for row in _read(folder / f"{stem}.csv") if row.label == "on-topic"] for stem in later}
    return rows, topics


def _read(path: Path) -> list[Example]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(
            {key: Example(row["text"], row["label"]) for row in csv.DictReader(file) if (key := row["text"])}.values()
        )


def case_of(name: str, *, data: Path, work: Path) -> Case:
    """The case, made once in `work`: a fine-tuning, an export and about 18,000 texts embedded."""
    train, base, topics = parts_of(name, data)
    folder = work / name
    package = _package(train, folder)
    rows = {"base": base, "foreign": [Example(text) for text in FOREIGN[name]]}
    rows |= {f"topic {label}": found for label, found in topics.items()}
    for plant, change in TEXT_PLANTS.items():
        chance = random.Random(plant)
        rows[plant] = [Example(change(row.text, chance), row.label) for row in base]
    rows["doubled"] = _doubled(base)
    engine = Engine(package)
    return Case(
        engine.labels,
        engine.facts.max_length,
        {key: _pool(engine, found, folder / f"{key}.npz") for key, found in rows.items()},
    )


def _doubled(rows: Sequence[Example]) -> list[Example]:
    """Each text followed by another one of its label."""
    last: dict[str | None, str] = {row.label: row.text for row in rows}
    found = []
    for row in rows:
        found.append(Example(f"{row.text} {last[row.label]}", row.label))
        last[row.label] = row.text
    return found


def _package(train: Sequence[Example], folder: Path) -> Path:
    from core.checkpoint import read_training
    from core.config import FinetuneConfig
    from core.datasets import kept_dataset
    from export.run import export
    from export.settings import ExportSettings
    from finetune.run import finetune

    package = folder / "package"
    if not package.exists():
        checkpoint, datasets = folder / "checkpoint", folder / "datasets"
        settings = FinetuneConfig.model_validate({"method": "features"})
        finetune(train, out=checkpoint, settings=settings, cache=folder / "cache", datasets=datasets)
        validation = kept_dataset(read_training(checkpoint).data.validation, datasets)
        settings_of_export = ExportSettings(max_drop=0.005, min_agreement=0.985)
        export(checkpoint, out=package, validation=validation, settings=settings_of_export, rung="int8-static")
    return package


def _pool(engine: Engine, rows: Sequence[Example], path: Path) -> Pool:
    if path.exists():
        with np.load(path) as arrays:
            features = Features(**{name: arrays[name] for name in arrays})
    else:
        features = engine.features(rows)
        arrays = {item.name: getattr(features, item.name) for item in fields(features)}
        np.savez(path, **{name: array for name, array in arrays.items() if array is not None})
    return Pool([row.text for row in rows], features)
