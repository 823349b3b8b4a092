"""A share of rows with its confidence interval, and its form in texts."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt


@dataclass(frozen=True)
class Share:
    """A share of `rows`, measured or estimated; `low` and `high`: 95 % confidence interval, 90 % of an estimate."""

    value: float
    low: float
    high: float
    rows: int = 0


def percent(share: float, digits: int = 1) -> str:
    """
    >>> percent(0.9269), percent(0.05, 0)
    ('92.7 %', '5 %')
    """
    return f"{share:.{digits}%}".replace("%", " %")


def measured(successes: int, rows: int) -> Share:
    """The share of successes with its Wilson interval.

    >>> measured(9, 10).value, measured(0, 0)
    (0.9, Share(value=0.0, low=0.0, high=1.0, rows=0))
    """
    return Share(successes / rows if rows else 0.0, *wilson_interval(successes, rows), rows)


def wilson_interval(successes: float, rows: float, *, z: float = 1.96) -> tuple[float, float]:
    """Wilson score interval of a share, 95 % by default (Wilson 1927); effective rows need not be whole numbers.

    >>> [round(bound, 3) for bound in wilson_interval(9, 10)]
    [0.596, 0.982]
    """
    if rows == 0:
        return 0.0, 1.0
    share = successes / rows
    centre = share + z * z / (2 * rows)
    spread = z * sqrt(share * (1 - share) / rows + z * z / (4 * rows * rows))
    scale = 1 + z * z / rows
    return max(0.0, (centre - spread) / scale), min(1.0, (centre + spread) / scale)
