"""Settings of the export."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ExportSettings:
    """Limits of an eligible rung: maximum drop of accuracy and primary metric, minimum agreement with fp32."""

    max_drop: float
    min_agreement: float
    primary_metric: str = "accuracy"
