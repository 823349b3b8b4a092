"""The facts that the policy decides by."""

from __future__ import annotations

from dataclasses import dataclass

from core.records import Comparison, Verdict
from core.share import Share, wilson_interval
from lifecycle.gate.refused import Refused


@dataclass(frozen=True)
class MeasuredAccuracy:
    """The champion's predictions on held-out labelled texts since the drift, each of which counts once.

    `expected`: the champion's accuracy on its reference, None if no reference row has a label. `unknown_labels`: labels
    from people that the champion does not know; `unknown_texts`: number of texts that have one. `powered`: the accuracy
    over all fresh rows, from these and the confidence of the others; None if there are no others.
    """

    rows: int
    correct: int
    expected: float | None
    unknown_labels: tuple[str, ...] = ()
    unknown_texts: int = 0
    powered: Share | None = None

    @property
    def interval(self) -> tuple[float, float]:
        """95 % confidence interval of the accuracy."""
        if self.powered is None:
            return wilson_interval(self.correct, self.rows)
        return self.powered.low, self.powered.high


ENOUGH_GIVEN = 0.8
"""A request ends when this share of its labels is given, cannot be told, or expired."""


@dataclass(frozen=True)
class LabelProgress:
    """Label requests since the drift began, open ones of them, whether the last check made the requests, whether the
    open ones are of texts that champion and challenger answer differently, and how many requests ended without a label:
    nobody can tell it, or it did not come in time.
    """

    requested: int
    still_open: int
    is_of_this_check: bool = True
    is_comparing: bool = False
    cannot_tell: int = 0
    expired: int = 0

    @property
    def given(self) -> int:
        return self.requested - self.still_open - self.cannot_tell - self.expired

    @property
    def note(self) -> str:
        """What ended requests other than labels, as further sentences of a reason."""
        ends = {"cannot be told": self.cannot_tell, "expired without a label": self.expired}
        return "".join(f" {count} of {self.requested} {end}." for end, count in ends.items() if count)

    @property
    def is_awaited(self) -> bool:
        """Whether labels are still worth waiting for."""
        return self.requested - self.still_open < ENOUGH_GIVEN * self.requested


@dataclass(frozen=True)
class RandomTexts:
    """Held-out texts drawn at random since the promotion. `rows`: with a label, of which `right`; `p_value`: of the
    hypothesis that accuracy did not fall, valid whenever it is looked at; `after`: number of the last prediction before
    the most likely begin of a loss; `lot`: requests of the last ones that were asked for to settle a suspicion.
    """

    rows: int = 0
    right: int = 0
    p_value: float = 1.0
    after: int = 0
    lot: LabelProgress = LabelProgress(0, 0)


@dataclass(frozen=True)
class PreviousVersion:
    """The version before the champion. `comparison`: this version as challenger against the champion, on the labelled
    rows since the promotion.
    """

    version: str
    comparison: Comparison


@dataclass(frozen=True)
class Case:
    """`verdict`: verdict of the last conclusive check; `budget`: maximum labels to request; `available`: rows of the
    window that could be labelled; `alpha`: level of the test that `previous` is better; `refused`: the champion's last
    challenger, if the gate refused it; `min_texts`: number of different texts that a
    retrain needs.

    `loss_alpha`: level at which `random` shows a loss; `suspicion`: why accuracy may have fallen without a drift;
    `random_available`: texts without a label that could be drawn; `teachable`: labelled texts since the promotion that
    can be trained on.
    """

    model: str
    version: str
    verdict: Verdict | None
    labels: LabelProgress
    measured: MeasuredAccuracy
    budget: int
    available: int
    alpha: float
    previous: PreviousVersion | None = None
    refused: Refused | None = None
    texts_are_kept: bool = True
    min_texts: int = 1
    random: RandomTexts = RandomTexts()
    loss_alpha: float = 0.05
    suspicion: str | None = None
    random_available: int = 0
    teachable: int = 0
