"""A data set with a champion, and pools of rows with their features from which windows are drawn."""

from __future__ import annotations

import csv
import random
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import foreign
import numpy as np
from planted import TEXT_PLANTS
from sklearn.linear_model import LogisticRegression

from core.datasets import Example
from core.engine import Engine
from core.features import Features, truth_of

FOREIGN = {"banking77": foreign.GERMAN, "clinc150": foreign.SPANISH, "crisislex": foreign.PORTUGUESE}
TRAIN_ROWS, POOL_ROWS, TOPICS, TOPIC_ROWS = 2_500, 3_000, 5, 90


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
    """The case, made once in `work`: the frozen encoder of one export, a head on it, about 15,000 texts embedded."""
    train, base, topics = parts_of(name, data)
    rows = {"train": train, "base": base, "foreign": [Example(text) for text in FOREIGN[name]]}
    rows |= {f"topic {label}": found for label, found in topics.items()}
    for plant, change in TEXT_PLANTS.items():
        chance = random.Random(plant)
        rows[plant] = [Example(change(row.text, chance), row.label) for row in base]
    rows["doubled"] = _doubled(base)
    engine = Engine(_encoder(data, work), threads=1)
    (work / name).mkdir(exist_ok=True)
    embedded = {key: _features(engine, found, work / name / f"{key}.npz") for key, found in rows.items()}
    labels = sorted({row.label or "" for row in train})
    head = LogisticRegression(C=10.0, max_iter=200).fit(
        embedded["train"].embeddings, [labels.index(row.label or "") for row in train]
    )
    pools = {key: _answered(head, labels, found, embedded[key]) for key, found in rows.items() if key != "train"}
    return Case(labels, engine.facts.max_length, pools)


def _answered(head: Any, labels: Sequence[str], rows: Sequence[Example], features: Features) -> Pool:
    probabilities = head.predict_proba(features.embeddings)
    answered = replace(
        features,
        predicted=probabilities.argmax(axis=1).astype(np.int64),
        confidence=probabilities.max(axis=1).astype(np.float32),
        truth=truth_of(rows, labels),
    )
    return Pool([row.text for row in rows], answered)


def _doubled(rows: Sequence[Example]) -> list[Example]:
    """Each text followed by another one of its label."""
    last: dict[str | None, str] = {row.label: row.text for row in rows}
    found = []
    for row in rows:
        found.append(Example(f"{row.text} {last[row.label]}", row.label))
        last[row.label] = row.text
    return found


def _encoder(data: Path, work: Path) -> Path:
    """A package with the frozen default encoder in 8 bits."""
    from core.checkpoint import read_training
    from core.config import FinetuneConfig
    from core.datasets import kept_dataset
    from export.run import export
    from export.settings import ExportSettings
    from finetune.run import finetune

    package, checkpoint, datasets = work / "package", work / "checkpoint", work / "datasets"
    if not package.exists():
        rows, _, _ = parts_of("banking77", data)
        settings = FinetuneConfig.model_validate({"method": "features"})
        finetune(rows, out=checkpoint, settings=settings, cache=work / "cache", datasets=datasets)
        validation = kept_dataset(read_training(checkpoint).data.validation, datasets)
        export_settings = ExportSettings(max_drop=0.005, min_agreement=0.985)
        export(checkpoint, out=package, validation=validation, settings=export_settings, rung="int8-static")
    return package


def _features(engine: Engine, rows: Sequence[Example], path: Path) -> Features:
    """Embeddings and lengths of the rows; the answers are those of the package's own head."""
    if path.exists():
        with np.load(path) as arrays:
            return Features(**{name: arrays[name] for name in arrays})
    features = engine.features(rows)
    arrays = {item.name: getattr(features, item.name) for item in fields(features)}
    np.savez(path, **{name: array for name, array in arrays.items() if array is not None})
    return features
