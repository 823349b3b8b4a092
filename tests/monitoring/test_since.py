from __future__ import annotations

import numpy as np

from monitoring.since import change_point, unlike_scores


def test_the_beginning_of_a_step_lies_in_its_interval() -> None:
    held = 0
    for seed in range(100):
        random = np.random.default_rng(seed)
        found = change_point(random.normal(np.where(np.arange(400) < 250, 0.0, 0.8)), usual=0.0)
        assert found is not None
        held += found.earliest <= 250 <= found.latest
    assert held >= 88  # 95 are expected


def test_a_step_is_sudden_and_a_slope_gradual() -> None:
    random, rows = np.random.default_rng(1), np.arange(600)
    step = change_point(random.normal(np.where(rows < 300, 0.0, 1.0)), usual=0.0)
    slope = change_point(random.normal(np.clip((rows - 200) / 200, 0, None)), usual=0.0)
    assert step is not None
    assert slope is not None
    assert (step.pace, slope.pace) == ("sudden", "gradual")
    assert slope.earliest <= 200 <= slope.latest


def test_a_drift_from_the_first_row_on_begins_there() -> None:
    found = change_point(np.random.default_rng(2).normal(1.0, size=200), usual=0.0)
    assert found is not None
    assert (found.earliest, found.first < 10) == (0, True)


def test_rows_that_did_not_change_have_no_beginning() -> None:
    found = [change_point(np.random.default_rng(seed).normal(size=300), usual=0.0) for seed in range(50)]
    assert sum(one is not None for one in found) <= 5


def test_rows_are_not_like_their_own_side_because_they_are_in_it() -> None:
    random = np.random.default_rng(3)
    rows, reference = (random.normal(size=(count, 8)).astype(np.float32) for count in (120, 400))
    scores, usual = unlike_scores(rows, reference, late=60)
    early, late = scores[:60] - usual, scores[60:] - usual
    assert abs(late.mean() - early.mean()) < 3 * scores.std() / np.sqrt(30)
