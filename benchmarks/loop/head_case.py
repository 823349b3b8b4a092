"""Homes with a champion, traffic and labels, in which a retrain of the head is measured."""

from __future__ import annotations

import csv
import random
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from core.assigned import cells
from core.clock import sortable_id, utc_now
from core.config import Config, FinetuneConfig
from core.datasets import Example, kept_dataset
from core.engine import Engine
from core.home import Home
from core.records import FeedbackRecord, PredictionRecord

MODEL = "m"
TRAFFIC_ROWS, LABELLED_ROWS, NEW_LABELS = 1_500, 300, 10


@dataclass(frozen=True)
class Parts:
    """`train`: rows of the champion, without `NEW_LABELS` labels; `added`: rows of these; `traffic`: later rows of all
    labels; `later`: rows that are only scored.
    """

    train: list[Example]
    added: list[Example]
    traffic: list[Example]
    later: list[Example]


def parts_of(data: Path, *, rows: int, seed: int = 0) -> Parts:
    """`data`: a folder with train.csv and test.csv. Champion's and added rows are `rows` together."""
    draw = random.Random(seed)
    seen: set[str] = set()
    training = list(_different(data / "train.csv", seen))
    test = list(_different(data / "test.csv", seen))
    labels = sorted({row.label or "" for row in training})
    new = set(draw.sample(labels, NEW_LABELS))
    by_label: dict[str, list[Example]] = {label: [] for label in labels}
    for row in draw.sample(training, len(training)):
        by_label[row.label or ""].append(row)
    chosen = [row for same in _in_turns(list(by_label.values())) for row in same][:rows]
    draw.shuffle(test)
    return Parts(
        train=[row for row in chosen if row.label not in new],
        added=[row for row in chosen if row.label in new],
        traffic=test[:TRAFFIC_ROWS],
        later=test[TRAFFIC_ROWS:],
    )


def _in_turns(columns: Sequence[Sequence[Example]]) -> Iterator[list[Example]]:
    """The first rows of all columns, then the second ones, and so on."""
    for place in range(max(map(len, columns))):
        yield [column[place] for column in columns if place < len(column)]


def _different(path: Path, seen: set[str]) -> Iterator[Example]:
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            example = Example(row["text"], row["label"])
            if example.key not in seen:
                seen.add(example.key)
                yield example


def make_home(folder: Path, parts: Parts, *, rung: str) -> None:
    """Fine-tune, export, promote, record traffic and label a part of it; a folder that is complete stays."""
    if (folder / ".complete").exists():
        return
    shutil.rmtree(folder, ignore_errors=True)
    home = Home(Config(home=folder))
    _put_in_service(home, parts, rung)
    recorded = _record(home, parts.traffic)
    labelled = list(zip(recorded, parts.traffic, strict=True))[:LABELLED_ROWS]
    home.ledger.record_feedback([FeedbackRecord(made.id, row.label or "", "desk") for made, row in labelled])
    home.ledger.added.add(MODEL, parts.added, source="desk", fingerprint="benchmark")
    home.close()
    (folder / ".complete").touch()


def _put_in_service(home: Home, parts: Parts, rung: str) -> None:
    from core.checkpoint import read_training
    from export.run import export
    from export.settings import ExportSettings
    from finetune.run import finetune

    config = home.config
    finetune(
        parts.train,
        out=home.folder / "checkpoint",
        settings=FinetuneConfig.model_validate({"method": "features"}),
        cache=config.cache,
        datasets=config.datasets,
    )
    validation = kept_dataset(read_training(home.folder / "checkpoint").data.validation, config.datasets)
    settings = ExportSettings(max_drop=config.export.max_drop, min_agreement=config.export.min_agreement)
    package = home.folder / "package"
    export(home.folder / "checkpoint", out=package, validation=validation, settings=settings, rung=rung)
    home.registry.promote(MODEL, home.registry.add(package, MODEL))


def _record(home: Home, rows: Sequence[Example]) -> list[PredictionRecord]:
    version = home.registry.champion(MODEL).version
    engine = Engine(home.registry.folder(MODEL, version))
    encoded = engine.encode([row.text for row in rows])
    answers = engine.answer_encoded(encoded)
    given = cells(answers.predicted, engine.labels)
    made = [
        PredictionRecord(
            sortable_id(), MODEL, version, utc_now(), row.text, given[place], float(answers.confidence[place]),
            encoded[place].tokens, encoded[place].truncated, answers.embeddings[place],
        )
        for place, row in enumerate(rows)
    ]  # fmt: skip
    for start in range(0, len(made), 500):
        home.ledger.record_predictions(made[start : start + 500])
    return made
