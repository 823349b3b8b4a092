"""Five rounds of new labels, one after the other: what each retrain gains, and what the first labels lose.

    python benchmarks/loop/rounds.py [--ladder head] [--seeds 0]

clinc150: a model of 40 intents (`features`, 20 rows each); each round brings eight new intents with ten rows each, and
a job retrains, judges and promotes. A line a round is written to rounds.jsonl.
"""

from __future__ import annotations

import argparse
import csv
import json
import random
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.assigned import cells
from core.checkpoint import read_training
from core.config import Config, FinetuneConfig, GateConfig, RetrainConfig
from core.datasets import Example, kept_dataset
from core.engine import Engine
from core.home import Home
from core.progress import ignore
from export.run import export
from export.settings import ExportSettings
from finetune.run import finetune
from lifecycle.worker import run_next

HERE = Path(__file__).parent
DATA = HERE.parents[2] / "shared" / "data" / "clinc150"
MODEL = "intents"
FIRST_LABELS, NEW_LABELS, ROUNDS = 40, 8, 5
FIRST_ROWS, GIVEN_ROWS, JUDGED_ROWS = 20, 10, 10
"""Rows of a label: in the first training, given in a round, and judged on."""


@dataclass(frozen=True)
class Rows:
    """Texts of the official training and test set by label, and the labels in the order of their arrival."""

    train: dict[str, list[Example]]
    test: dict[str, list[Example]]
    labels: list[str]

    @staticmethod
    def read(seed: int) -> Rows:
        train, test = (_by_label(DATA / name, seed) for name in ("train.csv", "test.csv"))
        return Rows(train, test, random.Random(seed).sample(sorted(train), FIRST_LABELS + ROUNDS * NEW_LABELS))

    def judged(self, labels: Sequence[str]) -> list[Example]:
        return [row for label in labels for row in self.test[label][:JUDGED_ROWS]]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--ladder", default="head")
    parser.add_argument("--seeds", default="0")
    parser.add_argument("--results", type=Path, default=HERE / "rounds.jsonl")
    given = parser.parse_args()
    for seed in map(int, given.seeds.split(",")):
        for entry in rounds(given.ladder.split(","), seed):
            with given.results.open("a", encoding="utf-8") as file:
                file.write(json.dumps(entry) + "\n")


def rounds(ladder: list[str], seed: int) -> Iterator[dict[str, Any]]:
    """One entry for the first version and for each round."""
    rows, folder = Rows.read(seed), Path(tempfile.mkdtemp())
    home = _home(folder, ladder, seed)
    try:
        first = rows.labels[:FIRST_LABELS]
        _first_version(home, [row for label in first for row in rows.train[label][:FIRST_ROWS]])
        yield {"ladder": ladder, "seed": seed, "round": 0, **_accuracies(home, rows, 0)}
        for number in range(1, ROUNDS + 1):
            started, new = time.monotonic(), _labels_of(rows, number)
            given = [row for label in new for row in rows.train[label][:GIVEN_ROWS]]
            home.ledger.added.add(MODEL, given, source="desk", fingerprint=str(number))
            facts = {**_retrained(home), "seconds": round(time.monotonic() - started)}
            yield {"ladder": ladder, "seed": seed, "round": number, **_accuracies(home, rows, number), **facts}
    finally:
        home.close()
        shutil.rmtree(folder)


def _retrained(home: Home) -> dict[str, Any]:
    home.jobs.enqueue(MODEL, "retrain")
    job = run_next(home, stop=threading.Event(), progress=ignore)
    if job is None or job.status != "done":
        raise SystemExit(f"The job failed: {job}")
    outcome = home.ledger.promotions(MODEL)[0]
    way = outcome.gate.training.method if outcome.gate else ""
    return {"way": way, "promoted": outcome.promoted, "reason": outcome.reason}


def _labels_of(rows: Rows, number: int) -> list[str]:
    start = FIRST_LABELS + (number - 1) * NEW_LABELS
    return rows.labels[start : start + NEW_LABELS]


def _accuracies(home: Home, rows: Rows, number: int) -> dict[str, Any]:
    """Of the champion, on the first labels, on those of this round, and on all that came so far."""
    engine = Engine(home.registry.folder(MODEL, home.registry.champion(MODEL).version))
    parts = {
        "first": rows.labels[:FIRST_LABELS],
        "new": _labels_of(rows, number) if number else [],
        "all": rows.labels[: FIRST_LABELS + number * NEW_LABELS],
    }
    return {name: _accuracy(engine, rows.judged(labels)) for name, labels in parts.items() if labels}


def _accuracy(engine: Engine, rows: Sequence[Example]) -> float:
    given = cells(engine.answer([row.input for row in rows]).predicted, engine.labels)
    right = sum(cell == row.label for cell, row in zip(given, rows, strict=True))
    return round(100 * right / len(rows), 2)


def _home(folder: Path, ladder: list[str], seed: int) -> Home:
    return Home(
        Config(
            home=folder,
            finetune=FinetuneConfig.model_validate({"method": "features", "seed": seed}),
            gate=GateConfig(),
            retrain=RetrainConfig.model_validate({"ladder": ladder}),
        )
    )


def _first_version(home: Home, rows: list[Example]) -> None:
    config = home.config
    checkpoint = home.folder / "first" / "checkpoint"
    finetune(rows, out=checkpoint, settings=config.finetune, cache=config.cache, datasets=config.datasets)
    settings = ExportSettings(**config.export.model_dump())
    package = home.folder / "first" / "package"
    export(checkpoint, out=package, validation=_validation(checkpoint, config), settings=settings, rung="fp32")
    home.registry.promote(MODEL, home.registry.add(package, MODEL))
    home.checkpoints.keep(checkpoint)


def _validation(checkpoint: Path, config: Config) -> list[Example]:
    return kept_dataset(read_training(checkpoint).data.validation, config.datasets)


def _by_label(path: Path, seed: int) -> dict[str, list[Example]]:
    found: dict[str, list[Example]] = {}
    with path.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            found.setdefault(row["label"], []).append(Example(row["text"], row["label"]))
    chance = random.Random(seed)
    return {label: chance.sample(rows, len(rows)) for label, rows in sorted(found.items())}


if __name__ == "__main__":
    main()
