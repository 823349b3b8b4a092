"""Homes with a champion and recorded traffic of a recipe of `make_split.py`, for `cost.py`."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from champions import Champion, champion_of, encoder, recipes
from cost_home import MODEL, SHORT_ROWS, SIDE_ROWS, VERSION, home_of, package_of

from core.champion import ChampionPackage
from core.features import Features
from core.package import PackageFacts, write_facts, write_left_out, write_reference
from core.records import PredictionRecord
from core.texts.copies import fold_texts
from core.texts.summary import summary_of, write_text_summary
from monitoring.sample import rows_at
from monitoring.watch import check_window

MAX_LENGTH, TRAIN_ROWS = 128, 4_000
BEGUN = datetime(2026, 1, 5, tzinfo=UTC)


def prepared(recipe: str, *, data: Path, work: Path, seed: int) -> Path:
    """A folder with the package and the ledger of a recipe, made once.

    Recorded are reference rows, a short window that only the smallest block of the accumulated evidence takes, and the
    rows of the next check. The texts are different ones, at most `SIDE_ROWS` a side.
    """
    folder = work / f"{recipe}-{seed}"
    if folder.exists():
        return folder
    draft = work / f"{recipe}-{seed}.draft"
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    parts = _parts(recipe, data, seed)
    made = champion_of(recipe, parts, encoder(work))
    _write_package(draft, made, parts)
    home = home_of(draft)
    package = package_of(draft)
    home.ledger.record_predictions(list(_predictions(package, made, parts)))
    for until in (len(parts["before"]) - SHORT_ROWS, len(parts["before"])):
        check_window(home, package, until=until)
    home.close()
    draft.rename(folder)
    return folder


def _parts(recipe: str, data: Path, seed: int) -> dict[str, list[dict[str, str]]]:
    """Rows with different texts: "train", "reference", "before", like the reference, and "fresh"."""
    draw = random.Random(seed)
    train, reference, fresh = (draw.sample(rows, len(rows)) for rows in recipes(data).build(recipe, seed))
    taught = min(TRAIN_ROWS, len(train) // 2)
    before = reference[SIDE_ROWS:] + train[taught:]
    sides = {"reference": reference, "before": before, "fresh": fresh}
    return {"train": train[:taught]} | {name: _different(rows[:SIDE_ROWS]) for name, rows in sides.items()}


def _different(rows: list[dict[str, str]]) -> list[dict[str, str]]:
    return [rows[index] for index in fold_texts([row["text"] for row in rows], [1] * len(rows)).kept]


def _write_package(folder: Path, made: Champion, parts: dict[str, list[dict[str, str]]]) -> None:
    labels = sorted({row["label"] for row in parts["train"]})
    reference = _with_lengths(made.sides["reference"], parts["reference"])
    write_facts(folder, PackageFacts(labels, "softmax", temperature=1.0, max_length=MAX_LENGTH, rung="fp32"))
    write_reference(folder, replace(reference, copies=np.ones(reference.rows, dtype=np.int64)))
    texts = [row["text"] for row in parts["reference"]]
    write_text_summary(folder, summary_of(texts, reference.predicted, len(labels)))
    write_left_out(folder, made.left_out(reference))


def _with_lengths(side: Features, rows: list[dict[str, str]]) -> Features:
    return replace(side, length=np.array([_tokens(row["text"]) for row in rows], dtype=np.int64))


def _tokens(text: str) -> int:
    return min(MAX_LENGTH, len(text.split()) + 2)


def _predictions(
    package: ChampionPackage, made: Champion, parts: dict[str, list[dict[str, str]]]
) -> Iterator[PredictionRecord]:
    """One a minute."""
    number = 0
    for part in ("before", "fresh"):
        side = _with_lengths(made.sides[part], parts[part])
        for row, example in enumerate(parts[part]):
            created = BEGUN + timedelta(minutes=number)
            number += 1
            one = rows_at(side, np.array([row]))
            yield PredictionRecord(
                id=f"{int(created.timestamp() * 1e9):016x}{number:016x}",
                model=MODEL,
                version=VERSION,
                created_at=created.isoformat(timespec="microseconds"),
                text=example["text"],
                label=package.labels[int(one.predicted[0])],
                score=float(one.confidence[0]),
                tokens=int(one.length[0]),
                truncated=False,
                embedding=one.embeddings[0],
            )
