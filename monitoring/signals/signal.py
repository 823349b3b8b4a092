"""The Protocol of a drift test: a statistic of reference and window, a description and a column of the report."""

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
    """Reference and window of a check; `labels`: names of the label indices."""

    reference: Features
    window: Features
    labels: Sequence[str]


class Signal(Protocol):
    """A drift test without state."""

    feature: str
    """Name of the feature that it tests."""
    statistic: str
    """Name of the statistic in the literature."""
    column: str
    """Name of the column in the report."""
    is_categorical: bool
    """Whether the values of the column are names."""

    def prepare(self, sides: Sides) -> Statistic:
        """The statistic of the pooled rows: the rows of the reference, then the rows of the window."""

    def describe(self, sides: Sides) -> str:
        """A sentence that describes the change."""

    def values(self, sides: Sides) -> tuple[Column, Column]:
        """The values of the column, of the reference and of the window."""
