"""The test that random texts show a loss of accuracy holds its level however often one looks."""

from __future__ import annotations

import numpy as np
import pytest

from core.share import wilson_interval
from lifecycle.drawn import LOT_DRAWS, REFERENCE_Z
from lifecycle.loss import evidence_of_loss

ALPHA = 0.05


def first_alarm(wrong: np.ndarray, floor: float, *, every: int) -> int | None:
    """Number of rows at the first of many looks that shows a loss."""
    lots = np.arange(len(wrong)) // LOT_DRAWS + 1
    looks = range(every, len(wrong) + 1, every)
    return next(
        (rows for rows in looks if evidence_of_loss(wrong[:rows], lots[:rows], floor=floor).p_value <= ALPHA), None
    )


@pytest.mark.parametrize("accuracy", [0.6, 0.9])
def test_without_a_loss_few_versions_ever_have_an_alarm(accuracy: float) -> None:
    random = np.random.default_rng(1)
    alarms = [first_alarm(random.random(500) > accuracy, accuracy, every=10) for _ in range(200)]
    assert sum(alarm is not None for alarm in alarms) <= 0.05 * 200


def test_the_level_holds_over_references_that_are_samples_too() -> None:
    """Over half a year of audits; with a reference of 200 rows."""
    random = np.random.default_rng(2)
    alarms = 0
    for _ in range(200):
        floor = wilson_interval(int(random.binomial(200, 0.8)), 200, z=REFERENCE_Z)[0]
        alarms += first_alarm(random.random(500) > 0.8, floor, every=20) is not None
    assert alarms <= 0.05 * 200


@pytest.mark.parametrize(("before", "most"), [(0, 100), (200, 200)])
def test_a_loss_is_found_whenever_it_begins(before: int, most: int) -> None:
    random = np.random.default_rng(3)
    found = []
    for _ in range(40):
        accuracy = np.where(np.arange(before + most) < before, 0.85, 0.65)
        found.append(first_alarm(random.random(before + most) > accuracy, 0.83, every=20))
    assert sum(alarm is not None and alarm > before for alarm in found) >= 0.8 * 40


def test_the_begin_of_a_loss_is_named() -> None:
    wrong = np.arange(120) >= 80
    assert evidence_of_loss(wrong, np.arange(120) // LOT_DRAWS + 1, floor=0.9).begin == 80


def test_a_right_answer_takes_evidence_away() -> None:
    lots = np.ones(9, dtype=np.int64)
    wrong = np.ones(9, dtype=bool)
    later = np.append(wrong, False)
    before = evidence_of_loss(wrong, lots, floor=0.8)
    assert evidence_of_loss(later, np.append(lots, 1), floor=0.8).value < before.value
