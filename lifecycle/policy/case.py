"""What a decision is made from."""

from __future__ import annotations

from dataclasses import dataclass

from core.records import Comparison, PromotionRecord, Verdict


@dataclass(frozen=True)
class MeasuredAccuracy:
    """Labelled rows of the fresh kind that nothing was trained on, as the champion answered them.

    `expected` is the champion's accuracy on its reference, None where that has no labels.
    """

    rows: int
    correct: int
    expected: float | None
    unknown_labels: tuple[str, ...] = ()


@dataclass(frozen=True)
class LabelProgress:
    """Label requests since a drift began: how many were made, how many are still open, and whether the last
    check made them.
    """

    asked: int
    still_open: int
    is_of_this_check: bool = True


@dataclass(frozen=True)
class PreviousVersion:
    """The version that the champion replaced, as challenger on the labelled rows since the promotion."""

    version: str
    comparison: Comparison


@dataclass(frozen=True)
class Case:
    """`verdict`: of the champion's last conclusive check; `refused`: the last challenger of this champion, if
    the gate refused it and no label came since; `budget`: how many labels to ask for at most; `available`:
    unlabelled rows of the window; `alpha`: level of the test that `previous` is better.
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
