"""The ladder of rungs: which of them may be served, and which of those is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.assigned import same
from core.errors import UnknownRung
from export.candidate import Candidate

FP32, INT8_STATIC = "fp32", "int8-static"
RUNGS = (FP32, INT8_STATIC)
# A probability may move by this much when other texts share the batch; rounding moves it by 1e-6.
ALLOWED_MOVE = 1e-3
# A rung that answers a little differently must be clearly faster to be worth it.
LEAST_GAIN = 1.1


@dataclass(frozen=True)
class ExportSettings:
    """Shares of the validation rows: accuracy that a rung may lose, labels that it must keep."""

    max_drop: float
    min_agreement: float


@dataclass(frozen=True)
class RungReport:
    """`accuracy` on the validation rows; `agreement` with fp32 on those and, where they are few, reference texts.

    Where a text may have several labels, an answer is right, or the same, if all of them are.
    """

    name: str
    eligible: bool
    why: str
    accuracy: float
    agreement: float
    texts_per_s: float
    size_mb: float


def report(candidate: Candidate, baseline: Candidate, settings: ExportSettings) -> RungReport:
    """`why` is one sentence: what speaks against the rung, else what it keeps."""
    objection = _objection(candidate, baseline, settings)
    return RungReport(
        name=candidate.name,
        eligible=objection is None,
        why=objection or _merit(candidate, baseline),
        accuracy=candidate.accuracy,
        agreement=agreement(candidate, baseline),
        texts_per_s=round(candidate.texts_per_s, 1),
        size_mb=round(candidate.size_mb, 1),
    )


def agreement(candidate: Candidate, baseline: Candidate) -> float:
    return float(np.mean(same(candidate.outputs.predicted, baseline.outputs.predicted)))


def allowed_rows(share: float, rows: int) -> int:
    """Rows that a share allows, one at least: of few rows, a single one proves nothing.

    >>> allowed_rows(0.005, 67), allowed_rows(0.005, 1000)
    (1, 5)
    """
    return max(1, int(share * rows + 1e-9))


def choose(reports: Sequence[RungReport], *, wanted: str | None = None) -> RungReport:
    """The rung named, eligible or not; else the fastest eligible one, if it is clearly faster than fp32."""
    by_name = {entry.name: entry for entry in reports}
    if wanted is not None:
        require_known(wanted)
        return by_name[wanted]
    fastest = max((entry for entry in reports if entry.eligible), key=lambda entry: entry.texts_per_s)
    return fastest if fastest.texts_per_s >= LEAST_GAIN * by_name[FP32].texts_per_s else by_name[FP32]


def require_known(name: str) -> None:
    if name not in RUNGS:
        raise UnknownRung(name, RUNGS)


def _objection(candidate: Candidate, baseline: Candidate, settings: ExportSettings) -> str | None:
    if candidate.moved_labels or candidate.largest_move > ALLOWED_MOVE:
        return (
            f"Its answers depend on what else is in the batch: {candidate.moved_labels} labels change and "
            f"a probability moves by {candidate.largest_move:.2g}."
        )
    lost, rows = int(baseline.correct.sum() - candidate.correct.sum()), len(baseline.correct)
    if lost > (allowed := allowed_rows(settings.max_drop, rows)):
        return f"It is right on {lost} fewer of {rows} rows; {allowed} {_are(allowed)} allowed."
    changed, texts = _changed(candidate, baseline), len(baseline.outputs.predicted)
    if changed > (allowed := allowed_rows(1 - settings.min_agreement, texts)):
        return f"It changes {changed} of {texts} labels; {allowed} {_are(allowed)} allowed."
    return None


def _are(rows: int) -> str:
    return "is" if rows == 1 else "are"


def _merit(candidate: Candidate, baseline: Candidate) -> str:
    if candidate.name == baseline.name:
        return "It is the checkpoint in full precision."
    return (
        f"It changes {_changed(candidate, baseline)} of {len(baseline.outputs.predicted)} labels, in any batch alike."
    )


def _changed(candidate: Candidate, baseline: Candidate) -> int:
    return int(np.sum(~same(candidate.outputs.predicted, baseline.outputs.predicted)))
