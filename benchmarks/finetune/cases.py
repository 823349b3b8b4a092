"""The data sets as they are trained on and judged: official parts, or random ones by seed where there are none."""

from __future__ import annotations

import csv
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

Row = dict[str, str]

EVENTS = (
    "2012_sandy_hurricane",
    "2013_queensland_floods",
    "2013_boston_bombings",
    "2013_west_texas_explosion",
    "2013_oklahoma_tornado",
    "2013_alberta_floods",
)


@dataclass(frozen=True)
class Case:
    """Train on `data` with `method` within `budget`."""

    data: str
    method: str
    budget: str

    @property
    def name(self) -> str:
        return f"{self.data} {self.method}"


CASES = [
    Case("banking77", "features", "10m"),
    Case("banking77", "auto", "10m"),
    Case("banking77-10", "features", "5m"),
    Case("banking77-10", "auto", "5m"),
    Case("clinc150", "auto", "10m"),
    Case("sms_spam", "auto", "10m"),
    *(Case(f"crisislex-{event}", method, "3m") for event in (0, 2) for method in ("features", "full", "auto")),
]


@dataclass(frozen=True)
class Parts:
    """Rows to train on, to validate on (None: a share of the former, as Retune takes it) and to judge by."""

    train: list[Row]
    validation: list[Row] | None
    judge: list[Row]


def parts(data: str, folder: Path, *, seed: int) -> Parts:
    name, _, rest = data.partition("-")
    if name == "banking77":
        train = read(folder / "banking77" / "train.csv")
        kept = _some_of_each(train, int(rest), seed) if rest else train
        return Parts(kept, None, read(folder / "banking77" / "test.csv"))
    if name == "clinc150":
        return Parts(*(read(folder / "clinc150" / f"{part}.csv") for part in ("train", "val", "test")))
    if name == "sms_spam":
        return _parted(read(folder / "sms_spam" / "sms_spam.csv"), (0.6, 0.2), seed)
    event = int(rest)
    here, following = (read(folder / "crisislex_t6" / f"{EVENTS[index]}.csv") for index in (event, event + 1))
    return Parts(here, None, following)


def read(path: Path) -> list[Row]:
    with path.open(newline="", encoding="utf-8") as file:
        return [{"text": row["text"], "label": row["label"]} for row in csv.DictReader(file)]


def write(rows: Sequence[Row], path: Path) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, ["text", "label"], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return path


def _some_of_each(rows: list[Row], count: int, seed: int) -> list[Row]:
    by_label: dict[str, list[Row]] = {}
    for row in rows:
        by_label.setdefault(row["label"], []).append(row)
    chance = random.Random(seed)
    return [row for label in sorted(by_label) for row in chance.sample(by_label[label], count)]


def _parted(rows: list[Row], shares: tuple[float, float], seed: int) -> Parts:
    """By label, the first share to train on, the second to validate on, the rest to judge by."""
    chance = random.Random(seed)
    train: list[Row] = []
    validation: list[Row] = []
    judge: list[Row] = []
    for label in sorted({row["label"] for row in rows}):
        own = [row for row in rows if row["label"] == label]
        chance.shuffle(own)
        first = round(shares[0] * len(own))
        second = round((shares[0] + shares[1]) * len(own))
        train += own[:first]
        validation += own[first:second]
        judge += own[second:]
    return Parts(train, validation, judge)
