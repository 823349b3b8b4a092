"""The facts that the policy decides by."""

from __future__ import annotations

from dataclasses import dataclass

from core.records import Comparison, PromotionRecord, Verdict


@dataclass(frozen=True)
class MeasuredAccuracy:
    """The champion's answers on held-out labelled texts since the drift, each of which counts once.

    `expected`: the champion's accuracy on its reference, None if that has no labels. `unknown_labels`: labels from
    people that the champion does not know; `unknown_texts`: number of texts that have one.
    """

    rows: int
    correct: int
    expected: float | None
    unknown_labels: tuple[str, ...] = ()
    unknown_texts: int = 0


@dataclass(frozen=True)
class LabelProgress:
    """Label requests since the drift began, those without an answer, and whether the last check made them."""

    requested: int
    still_open: int
    is_of_this_check: bool = True


@dataclass(frozen=True)
class PreviousVersion:
    """The version before the champion. `comparison`: with this version as challenger, on the labelled rows since the
    promotion.
    """

    version: str
    comparison: Comparison


@dataclass(frozen=True)
class Case:
    """`verdict`: of the champion's last conclusive check; `budget`: most labels to request; `available`: rows of the
    window that could be labelled; `alpha`: level of the test that `previous` is better; `refused`: the champion's last
    challenger, if the gate refused it and there are no labels since; `min_texts`: different texts that a retrain rests
    on.
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
    refused: PromotionRecord | None = None
    texts_are_kept: bool = True
    min_texts: int = 1
