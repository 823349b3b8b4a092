"""The three files of the demo, cut into the parts that each step needs."""

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
    """`reference` is kept in the package; `replay` is sent as traffic that should look like it;
    `fresh` is sent as traffic after the change; `later` is only scored, before and after.
    """

    train: list[Example]
    reference: list[Example]
    replay: list[Example]
    fresh: list[Example]
    later: list[Example]

    @property
    def old(self) -> list[Example]:
        """Every row of the reference file: none is ever trained on."""
        return [*self.reference, *self.replay]


def read_parts(train: Path, reference: Path, fresh: Path) -> Parts:
    """Read the files and halve two of them at random with a fixed seed.

    Files often come sorted by label; halves in file order would then differ by themselves.
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
