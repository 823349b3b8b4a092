"""Which of several challengers goes to the gate: chosen on rows that none of them learned from before.

The gate judges one challenger. If it looked at two, the chance that one of them seems better would be twice its level.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.arrays import Booleans, Numbers
from core.config import GateConfig
from core.datasets import Example
from core.engine import Answering
from core.paired import Paired
from core.taxonomy import Taxonomy
from finetune.measuring.truth import row_losses
from lifecycle.challengers.head_fitting import truth_in
from lifecycle.challengers.parts import Parts
from lifecycle.gate.comparison import answers
from lifecycle.gate.criteria import loses_more


@dataclass(frozen=True)
class Unseen:
    """Which of the unseen rows are right, (n,), and their log losses, (n,) in nats; the first `selecting` rows select,
    the others are validation rows. `learned`: whether the version learned the latter before; then its answers to them
    do not say what another one loses.
    """

    right: Booleans
    losses: Numbers
    selecting: int
    learned: bool = False

    @property
    def new(self) -> Booleans:
        return self.right[: self.selecting]

    @property
    def old(self) -> Booleans:
        return self.right[self.selecting :]

    def beats(self, other: Unseen) -> bool:
        """Whether it is right on more rows that select; if the difference is at most one standard error, whether the
        loss on them is lower, which varies less.
        """
        paired = Paired.of(other.new, self.new)
        if abs(paired.gain) > paired.standard_error:
            return paired.gain > 0
        return float(self.losses[: self.selecting].sum()) < float(other.losses[: self.selecting].sum())


def unseen_answers(engine: Answering, parts: Parts, taxonomy: Taxonomy) -> Unseen:
    """Those of a package."""
    rows: Sequence[Example] = parts.unseen
    right = right_answers(engine, rows, taxonomy)
    probabilities = engine.answer([row.input for row in rows]).probabilities
    losses = row_losses(truth_in(rows, engine.labels, engine.facts.kind), probabilities)
    return Unseen(right, losses, len(parts.selecting))


def right_answers(engine: Answering, rows: Sequence[Example], taxonomy: Taxonomy) -> Booleans:
    """(n,) whether a package answers each row with its label."""
    given = answers(engine, rows, taxonomy)
    return np.array([cell == row.label for cell, row in zip(given, rows, strict=True)], dtype=np.bool_)


def is_good_enough(unseen: Unseen, champion: Unseen, settings: GateConfig) -> bool:
    """Whether it is offered to the gate at once: it is better than the champion on the rows that select, by more than
    one standard error, and loses no more on the validation rows than chance may take. The gate asks for the labels that
    show more; a thorough training would take minutes to hours first.

    The champion's training was ended where these validation rows were right most often, so that a challenger as good as
    it loses some. The gate has rows that chose nothing, and without asking for a label refuses one that forgets; then
    the job goes on to the next way.
    """
    if unseen.selecting == 0:
        return True
    gained, lost = Paired.of(champion.new, unseen.new), Paired.of(champion.old, unseen.old).reversed
    return gained.gain > gained.standard_error and (champion.learned or lost.p_value > settings.alpha)


def best_of(found: Sequence[Unseen], champion: Unseen, settings: GateConfig) -> int:
    """Place of the challenger that goes to the gate: of those that do not forget, else of all, the best on the rows
    that select; in doubt an earlier one, which is cheaper.
    """
    places = [place for place, one in enumerate(found) if not _forgets(one, champion, settings)]
    best, *others = places or range(len(found))
    for place in others:
        if found[place].beats(found[best]):
            best = place
    return best


def _forgets(unseen: Unseen, champion: Unseen, settings: GateConfig) -> bool:
    return not champion.learned and loses_more(Paired.of(champion.old, unseen.old), settings.max_old_drop)
