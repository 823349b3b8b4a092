from __future__ import annotations

import numpy as np
import pytest

from core.arrays import Booleans, Doubles
from core.powered import powered_accuracy
from core.share import measured


def drawn(rows: int, accuracy: float, random: np.random.Generator) -> tuple[Booleans, Doubles]:
    """Whether rows are right, and scores that know something of it."""
    right = random.random(rows) < accuracy
    return right, np.clip(random.normal(np.where(right, 0.8, 0.5), 0.15), 0, 1)


def test_scores_of_all_rows_make_the_error_smaller_and_the_interval_holds() -> None:
    random = np.random.default_rng(0)
    alone, joined, held = [], [], 0
    for _ in range(300):
        right, scores = drawn(650, 0.8, random)
        found = powered_accuracy(right[:50], scores[:50], scores[50:])
        alone.append(right[:50].mean() - 0.8)
        joined.append(found.value - 0.8)
        held += found.low <= 0.8 <= found.high
    assert np.std(joined) < 0.85 * np.std(alone)
    assert abs(np.mean(joined)) < 0.01
    assert held >= 275


@pytest.mark.parametrize("scores", [np.full(40, 0.7), np.linspace(0, 1, 40)])
def test_scores_that_say_nothing_leave_the_labels(scores: Doubles) -> None:
    right = np.arange(40) % 2 == 0
    found = powered_accuracy(right, scores, np.tile(scores, 10))
    plain = measured(20, 40)
    assert found.value == pytest.approx(plain.value, abs=0.01)
    assert (found.low, found.high) == pytest.approx((plain.low, plain.high), abs=0.03)


@pytest.mark.parametrize(("rows", "right"), [(0, 0), (5, 3), (30, 30), (30, 0)])
def test_few_rows_and_rows_of_one_kind_keep_wilsons_interval(rows: int, right: int) -> None:
    random = np.random.default_rng(1)
    found = powered_accuracy(np.arange(rows) < right, random.random(rows), random.random(100))
    assert found == measured(right, rows)
