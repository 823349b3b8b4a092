"""Settings of the export."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ExportSettings:
    """Largest drop of accuracy and primary metric, and smallest agreement with fp32, of an eligible rung."""

    max_drop: float
    min_agreement: float
    primary_metric: str = "accuracy"
