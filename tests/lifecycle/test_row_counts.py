"""How often rows count that people labelled, and the repair of a head that gives new labels to old rows."""

from __future__ import annotations

import numpy as np
import pytest

from core.arrays import Booleans, Indices, Numbers
from core.config import GateConfig
from core.datasets import Example
from lifecycle.challengers.parts import Parts
from lifecycle.challengers.parts_fitting import EmbeddedParts
from lifecycle.challengers.repair import Repair
from lifecycle.challengers.row_counts import GIVEN_WEIGHT, row_counts


def has(truth: Indices, labels: int) -> Booleans:
    return np.eye(labels, dtype=np.bool_)[truth]


def test_given_rows_count_three_times_until_a_label_has_half_as_much_as_others_do() -> None:
    truth = np.repeat([0, 1, 0, 2], [60, 60, 5, 20])
    counts = row_counts(has(truth, 3), np.arange(145) >= 120).rows
    assert (counts[:120] == 1).all()
    assert (counts[120:125] == GIVEN_WEIGHT).all()
    assert counts[125:].sum() == pytest.approx(30)


def test_a_given_row_counts_at_least_once() -> None:
    truth = np.repeat([0, 1], [10, 50])
    assert (row_counts(has(truth, 2), truth == 1).rows == 1).all()


def test_rows_of_several_labels_count_as_the_one_that_has_least_room() -> None:
    rows = np.array([[1, 0], [1, 0], [0, 1], [0, 1], [1, 0], [1, 0], [1, 1], [0, 0]], dtype=np.bool_)
    counts = row_counts(rows, np.arange(8) >= 4).rows
    assert counts.tolist() == [1, 1, 1, 1, 1, 1, 1, GIVEN_WEIGHT]


def test_spread_rows_fill_a_label_up_to_half_of_what_others_have() -> None:
    truth = np.repeat([0, 1, 2], [60, 60, 8])
    counted = row_counts(has(truth, 3), truth == 2)
    assert counted.room[2] == pytest.approx(30 - 8 * GIVEN_WEIGHT)
    few, many = np.full(4, 2), np.full(100, 2)
    assert counted.of_spread(few, np.full(4, 0.8)).tolist() == [0.8] * 4
    assert counted.of_spread(many, np.full(100, 0.8)).sum() == pytest.approx(6)


NEW = np.array([False, False, True])


def shift_of(logits: Numbers) -> float:
    right, truth = np.ones(len(logits), dtype=np.bool_), np.zeros(len(logits), dtype=np.int64)
    return Repair(NEW, GateConfig()).least_shift(logits, truth, right)


@pytest.fixture
def logits() -> Numbers:
    """Of rows of label 0; label 2 has the highest logit of the first 20."""
    found = np.tile(np.array([[2.0, 0.0, 0.0]]), (100, 1))
    found[:20, 2] = 2.6
    return found


def test_new_labels_are_lowered_until_old_rows_are_right_again(logits: Numbers) -> None:
    assert shift_of(logits) == 0.75


def test_nothing_is_lowered_for_a_loss_that_may_be_chance(logits: Numbers) -> None:
    assert shift_of(logits[17:]) == 0


def test_the_shift_that_loses_least_is_taken_if_none_is_enough(logits: Numbers) -> None:
    logits[20:40, 1] = 9.0
    assert shift_of(logits) == 0.75


def test_without_a_row_that_nobody_gave_there_is_nothing_to_repair() -> None:
    rows = [Example(f"row {number}", "ab"[number % 2]) for number in range(8)]
    every, none = np.ones(8, dtype=np.bool_), np.zeros(8, dtype=np.bool_)
    points = np.eye(4, dtype=np.float32)[np.arange(8) % 2]
    parts = Parts(["a", "b"], "single-label", rows, every, none, rows)
    repair = Repair(np.array([False, True]), GateConfig())
    assert EmbeddedParts(parts, 0, points, points, repair=repair).shift == 0
