"""Fine-tunes the champion's encoder further, and chooses how far to go from it.

A challenger that forgets is repaired here, before the gate sees it: first by a shorter way from the champion, then by
more replay. Both are chosen on the validation rows, which the gate does not use.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from core.arrays import Booleans, Indices
from core.paired import Paired
from finetune.continuing import Continuing
from finetune.encoders.encoder import Encoder
from lifecycle.challengers.parts import Parts
from lifecycle.challengers.parts_fitting import EmbeddedParts
from lifecycle.challengers.replay import replayed
from lifecycle.challengers.selection import Unseen
from lifecycle.gate.criteria import loses_more

SHARES = (0.5, 0.25)
"""Ways from the champion's weights to the trained ones, in the order of their trial."""

REPLAYED_TIMES = (3.0, 12.0)
"""Rows of earlier trainings for each given row, as often as it counts; the second training has more of them."""


@dataclass(frozen=True)
class Way:
    """An encoder a `share` of the way from the champion's to the trained one; `embedded`: the rows, by that encoder;
    `paired`: against the champion on the validation rows; `facts`: of the training.
    """

    share: float
    encoder: Encoder
    embedded: EmbeddedParts
    unseen: Unseen
    paired: Paired
    history: list[dict[str, Any]]
    facts: dict[str, Any]


def find_way(continuing: Continuing, parts: Parts, right_before: Booleans, *, allowed: float) -> Way | None:
    """The first way that loses no more than the `allowed` accuracy on the validation rows, as the gate counts on old
    rows; else the one that loses least. None if the trainings diverge.

    `right_before`: (n,) whether the champion is right on each validation row.
    """
    ways: list[Way] = []
    for way in _ways(continuing, parts, right_before):
        ways.append(way)
        if not loses_more(way.paired, allowed):
            return way
    return max(ways, key=lambda way: way.paired.gain, default=None)


def _ways(continuing: Continuing, parts: Parts, right_before: Booleans) -> Iterator[Way]:
    first = _embedded(continuing, parts, continuing.task.encoder).taught
    for places in _lessons(parts, continuing.task.settings.seed):
        taught = continuing.teach(places, first.head)
        for share in () if taught.diverged else SHARES:
            encoder = continuing.between(taught, share)
            embedded = _embedded(continuing, parts, encoder)
            unseen = embedded.unseen
            paired = Paired.of(right_before, unseen.old)
            loss = float(unseen.losses[unseen.selecting :].mean())
            step = {"step": "interpolation", "share": share, "validation_loss": loss, "gain": paired.gain}
            facts = {**taught.settings, "share": share, "lesson_rows": len(places)}
            yield Way(share, encoder, embedded, unseen, paired, [*taught.history, step], facts)


def _lessons(parts: Parts, seed: int) -> list[Indices]:
    """Of a small data set all rows are replayed at once, so there is one lesson."""
    found = {len(places): places for times in REPLAYED_TIMES for places in [replayed(parts, times=times, seed=seed)]}
    return list(found.values())


def _embedded(continuing: Continuing, parts: Parts, encoder: Encoder) -> EmbeddedParts:
    task = continuing.task
    return EmbeddedParts(parts, task.settings.seed, *continuing.embeddings(encoder))
