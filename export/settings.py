"""What a rung must keep."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ExportSettings:
    """Shares of the labelled rows: what of the primary metric a rung may lose, labels that it must keep."""

    max_drop: float
    min_agreement: float
    primary_metric: str = "accuracy"
