"""Reads the three files of the demo and splits them for its steps."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path

from core.datasets import Example, normalised, read_examples
from core.errors import InvalidInput

TICKETS = Path(__file__).parents[2] / "examples" / "tickets"
MINIMUM = 20


@dataclass(frozen=True)
class Parts:
    """`reference`: reference of the package; `replay`: traffic before the change; `fresh`: traffic after the change;
    `later`: rows after the change that are only scored.
    """

    train: list[Example]
    reference: list[Example]
    replay: list[Example]
    fresh: list[Example]
    later: list[Example]

    @property
    def old(self) -> list[Example]:
        """All rows of the reference file; no model is trained on them."""
        return [*self.reference, *self.replay]


def read_parts(train: Path, reference: Path, fresh: Path) -> Parts:
    """Read the files and split two of them into random halves with a fixed seed.

    Random, because files are often sorted by label: their first and second halves would have different labels.
    """
    old = _halves(_rows(reference))
    new = _halves(_rows(fresh))
    return Parts(train=_rows(train), reference=old[0], replay=old[1], fresh=new[0], later=new[1])


def _rows(path: Path) -> list[Example]:
    rows = list({normalised(row.text): row for row in read_examples(path)}.values())
    if len(rows) < MINIMUM:
        raise InvalidInput(f"{path} has {len(rows)} different texts; the demo needs at least {MINIMUM}. Add rows.")
    return rows


def _halves(rows: list[Example]) -> tuple[list[Example], list[Example]]:
    shuffled = random.Random(7).sample(rows, len(rows))
    return shuffled[: len(rows) // 2], shuffled[len(rows) // 2 :]
