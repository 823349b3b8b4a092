"""Axes: where a value lies between their ends, and the ticks that a reader needs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil, floor, log10

from core.share import percent

STEPS = (1, 2, 5, 10)
NARROWEST, SHOWN_AROUND = 0.001, 0.1
"""An axis of shares that would be narrower than the first is as wide as the second."""
FEW = 4
"""Steps of an axis, at most, unless the ends lie between two ticks."""


@dataclass(frozen=True)
class Tick:
    """`below`: a second line under the text."""

    value: float
    text: str
    below: str = ""


@dataclass(frozen=True)
class Axis:
    """From `low` to `high`; both are positive if it is logarithmic."""

    low: float
    high: float
    ticks: tuple[Tick, ...] = ()
    is_log: bool = False

    def share(self, value: float) -> float:
        """Where the value is, from 0 at `low` to 1 at `high`; values beyond an end are at that end.

        >>> Axis(0, 10).share(2.5), Axis(1, 100, is_log=True).share(10), Axis(0, 1).share(7)
        (0.25, 0.5, 1.0)
        """
        if self.is_log:
            low, high, value = log10(self.low), log10(self.high), log10(max(value, self.low))
        else:
            low, high = self.low, self.high
        return min(1.0, max(0.0, (value - low) / (high - low))) if high > low else 0.5


def linear(
    low: float, high: float, *, form: Callable[[float], str] = lambda value: f"{value:g}", least_step: float = 0
) -> Axis:
    """Ends at round numbers around the values; `least_step`: between two ticks.

    >>> [tick.text for tick in linear(0, 17).ticks]
    ['0', '5', '10', '15', '20']
    """
    high = high if high > low else low + 1
    step = max(least_step, _step((high - low) / FEW))
    first, last = floor(low / step + 1e-9), ceil(high / step - 1e-9)
    ticks = tuple(Tick(round(step * place, 10), form(round(step * place, 10))) for place in range(first, last + 1))
    return Axis(ticks[0].value, ticks[-1].value, ticks)


def shares(low: float, high: float) -> Axis:
    """Of shares, within 0 and 1.

    >>> [tick.text for tick in shares(0.62, 0.97).ticks]
    ['60 %', '70 %', '80 %', '90 %', '100 %']
    """
    low, high = max(0.0, low), min(1.0, high)
    if high - low < NARROWEST:
        low, high = max(0.0, high - SHOWN_AROUND), max(high, SHOWN_AROUND)
    axis = linear(low, high)
    digits = 0 if all(abs(100 * tick.value - round(100 * tick.value)) < 1e-6 for tick in axis.ticks) else 1
    ticks = tuple(Tick(tick.value, percent(tick.value, digits)) for tick in axis.ticks if -1e-9 <= tick.value <= 1)
    return Axis(ticks[0].value, ticks[-1].value, ticks)


def logarithmic(low: float, high: float, *, form: Callable[[float], str] = lambda value: f"{value:g}") -> Axis:
    """Ends at powers of ten around the values, or at 1, 2 or 5 times one.

    >>> [tick.text for tick in logarithmic(0.004, 2).ticks]
    ['0.002', '0.01', '0.1', '1', '2']
    """
    rounds = [
        factor * 10.0**power for power in range(floor(log10(low)) - 1, ceil(log10(high)) + 1) for factor in (1, 2, 5)
    ]
    first = max((value for value in rounds if value <= low * (1 + 1e-9)), default=rounds[0])
    last = min((value for value in rounds if value >= high * (1 - 1e-9)), default=rounds[-1])
    last = last if last > first else 10 * first
    inside = [value for value in rounds if first <= value <= last]
    powers = [value for value in inside if abs(log10(value) - round(log10(value))) < 1e-9]
    ticks = inside if len(inside) <= FEW + 1 else sorted({first, *powers, last})
    return Axis(first, last, tuple(Tick(value, form(value)) for value in ticks), is_log=True)


def _step(least: float) -> float:
    """The smallest round number that is at least this one."""
    power = 10.0 ** floor(log10(least))
    return next(factor * power for factor in STEPS if factor * power >= least * (1 - 1e-9))
