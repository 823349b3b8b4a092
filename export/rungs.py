"""What is said of a rung, and which one is served."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from core.errors import RungNotBuilt
from export.candidate import Candidate
from export.eligibility import agreement, changed_rows
from export.speed import Speed

FP32 = "fp32"
MIN_SPEEDUP = 1.1
"""A rung that answers a little differently must be so many times as fast to be worth it."""


@dataclass(frozen=True)
class RungReport:
    """One line of the table.

    `accuracy` on the labelled rows; `agreement` with fp32 on all rows. Where a text may have several labels, an
    answer is right, or the same, if all of them are. Speeds as in `Speed`; `size_mb` is the folder's.
    """

    name: str
    eligible: bool
    why: str
    accuracy: float
    agreement: float
    texts_per_s: float
    size_mb: float
    latency_ms_median: float
    latency_ms_p95: float
    startup_s: float
    resident_mb: float | None

    @property
    def facts(self) -> dict[str, Any]:
        """What does not differ from one measurement to the next."""
        names = ("name", "eligible", "why", "accuracy", "agreement", "size_mb")
        return {name: getattr(self, name) for name in names}


def report(candidate: Candidate, baseline: Candidate, speed: Speed, objection: str | None) -> RungReport:
    """`why` is one sentence: what speaks `objection` the rung, else what it keeps."""
    return RungReport(
        name=candidate.name,
        eligible=objection is None,
        why=objection or _merit(candidate, baseline),
        accuracy=candidate.accuracy,
        agreement=agreement(candidate, baseline),
        texts_per_s=speed.texts_per_s,
        size_mb=round(candidate.size_mb, 1),
        latency_ms_median=speed.latency_ms_median,
        latency_ms_p95=speed.latency_ms_p95,
        startup_s=speed.startup_s,
        resident_mb=speed.resident_mb,
    )


def _merit(candidate: Candidate, baseline: Candidate) -> str:
    kept = f", {candidate.note}" if candidate.note else ""
    if candidate.name == baseline.name:
        return f"It is the checkpoint in full precision{kept}."
    rows = len(baseline.outputs.probabilities)
    return f"It changes {changed_rows(candidate, baseline)} of {rows} labels, in any batch alike{kept}."


def choose(reports: Sequence[RungReport], not_built: Mapping[str, str], *, wanted: str | None = None) -> RungReport:
    """The rung named, eligible or not; else the fastest eligible one, if it is clearly faster than fp32.

    `not_built`: the reason by the rung's name, with which `RungNotBuilt` is raised.
    """
    by_name = {entry.name: entry for entry in reports}
    if wanted is not None:
        if wanted in not_built:
            raise RungNotBuilt(wanted, not_built[wanted])
        return by_name[wanted]
    fastest = max((entry for entry in reports if entry.eligible), key=lambda entry: entry.texts_per_s)
    full = by_name[FP32]
    return fastest if fastest.texts_per_s >= MIN_SPEEDUP * full.texts_per_s else full
