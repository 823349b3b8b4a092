"""What every drift test is: a statistic of two sides, in words and as a column of the report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from numpy.typing import NDArray

from core.features import Features
from core.two_sample.statistics import Statistic

Column = Sequence[Any] | NDArray[Any]


@dataclass(frozen=True)
class Sides:
    """The rows compared; `labels` are the names of the label indices in both."""

    reference: Features
    window: Features
    labels: Sequence[str]


class Signal(Protocol):
    """One drift test, without state."""

    feature: str
    """What it looks at, in words."""
    statistic: str
    """Its statistic's name in the literature."""
    column: str
    """The name of its column in the report."""
    is_categorical: bool
    """Whether that column holds names."""

    def prepare(self, sides: Sides) -> Statistic:
        """The statistic on the pooled rows, the reference's first."""

    def describe(self, sides: Sides) -> str:
        """What changed, in words."""

    def values(self, sides: Sides) -> tuple[Column, Column]:
        """The column: a value for each row of the reference, and for each row of the window."""
