"""Minimises smooth convex functions by the limited-memory BFGS method (Liu & Nocedal 1989)."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from core.arrays import Numbers

Function = Callable[[Numbers], tuple[float, Numbers]]
"""Point (n,) → value, gradient (n,), which is a new array each time."""

PAIRS = 10
"""Steps that the curvature is taken from."""

DECREASE = 1e-4
"""A step is taken if it gives this share of the decrease that the gradient promises (Armijo 1966)."""
_HALVINGS = 20


@dataclass(frozen=True)
class Point:
    """`steps`: number of steps from the start."""

    place: Numbers
    value: float
    gradient: Numbers
    steps: int = 0


def minimize(function: Function, start: Numbers, *, tolerance: float, max_steps: int) -> Point:
    """The point where no component of the gradient is larger than `tolerance`, or beyond which no step leads down.

    For strongly convex functions, where each step has positive curvature, so that halving the step is enough of a line
    search. Deterministic: the same function and start give the same bytes.
    """
    point = Point(start, *function(start))
    curvature: deque[_Pair] = deque(maxlen=PAIRS)
    while point.steps < max_steps and np.abs(point.gradient).max() > tolerance:
        after = _step(function, point, -_inverse_hessian(curvature, point.gradient))
        if after is None:
            break
        pair = _Pair(after.place - point.place, after.gradient - point.gradient)
        if pair.product > 0:  # else rounding errors are larger than the curvature
            curvature.append(pair)
        point = after
    return point


class _Pair:
    """A step and the change of the gradient along it."""

    def __init__(self, step: Numbers, change: Numbers) -> None:
        self.step, self.change = step, change
        self.product = float(step @ change)

    @property
    def scale(self) -> float:
        return self.product / float(self.change @ self.change)


def _inverse_hessian(curvature: deque[_Pair], gradient: Numbers) -> Numbers:
    """Its product with the gradient; of the first step, only a length of 1 (Nocedal & Wright 2006, 7.4)."""
    if not curvature:
        unit: Numbers = gradient / np.linalg.norm(gradient)
        return unit
    product = gradient.copy()
    shares = []
    for pair in reversed(curvature):
        shares.append(float(pair.step @ product) / pair.product)
        product -= shares[-1] * pair.change
    product *= curvature[-1].scale
    for pair, share in zip(curvature, reversed(shares), strict=True):
        product += (share - float(pair.change @ product) / pair.product) * pair.step
    return product


def _step(function: Function, point: Point, direction: Numbers) -> Point | None:
    """The first of the steps 1, 1/2, 1/4 … that leads down far enough; None if none does."""
    slope, length = float(point.gradient @ direction), 1.0
    for _ in range(_HALVINGS):
        place = point.place + length * direction
        value, gradient = function(place)
        if value <= point.value + DECREASE * length * slope:
            return Point(place, value, gradient, point.steps + 1)
        length /= 2
    return None
