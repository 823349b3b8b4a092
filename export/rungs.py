"""The report of a rung, and the choice of the rung to package."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from core.cpu import multiplies_bytes
from core.errors import RungNotBuilt
from export.candidate import Candidate
from export.eligibility import agreement, changed_rows
from export.speed import Speed

FP32 = "fp32"
RANK = ("cuda-fp16", "int8-static", "int8-mixed", "int8-dynamic", "int8-blockwise", FP32)
"""From the fastest to the slowest, as measured in benchmarks/export. A measurement at each export would make the
choice, and so the digest of the package, depend on the load of the machine."""


@dataclass(frozen=True)
class RungReport:
    """One row of the table.

    `accuracy` is measured on the labelled rows; `agreement` is the share of all rows with the same prediction as fp32.
    A set of labels must match exactly. `Speed` explains the speeds; `size_mb` is the size of the folder.
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
        """The values that are the same in every measurement."""
        names = ("name", "eligible", "why", "accuracy", "agreement", "size_mb")
        return {name: getattr(self, name) for name in names}


def report(candidate: Candidate, baseline: Candidate, speed: Speed, objection: str | None) -> RungReport:
    """The report; its `why` is the objection, or for an eligible rung the number of changed labels."""
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
    note = f", {candidate.note}" if candidate.note else ""
    if candidate.name == baseline.name:
        return f"It is the checkpoint in full precision{note}."
    rows = len(baseline.outputs.probabilities)
    return f"It changes {changed_rows(candidate, baseline)} of {rows} labels, the same in any batch{note}."


def choose(reports: Sequence[RungReport], not_built: Mapping[str, str], *, wanted: str | None = None) -> RungReport:
    """The `wanted` rung, eligible or not; else the first eligible rung of `RANK`.

    On a processor without fast products of bytes, only rungs in floating point are chosen. Raises `RungNotBuilt` with
    the reason in `not_built`.
    """
    by_name = {entry.name: entry for entry in reports}
    if wanted is not None:
        if wanted in not_built:
            raise RungNotBuilt(wanted, not_built[wanted])
        return by_name[wanted]
    can_choose = [entry for entry in reports if entry.eligible and (multiplies_bytes() or "int8" not in entry.name)]
    return min(can_choose, key=lambda entry: RANK.index(entry.name))
