from __future__ import annotations

import numpy as np
import pytest

from core.paired import Paired


@pytest.mark.parametrize(("wins", "losses", "expected"), [(1, 0, 0.5), (0, 3, 1.0), (10, 0, 2**-10)])
def test_the_p_value_is_the_exact_binomial_tail(wins: int, losses: int, expected: float) -> None:
    assert Paired(wins, losses, 100).p_value == expected


def test_without_a_difference_there_are_no_rows_needed() -> None:
    assert Paired(0, 0, 50).rows_needed is None


def test_without_rows_all_values_are_neutral() -> None:
    no_rows = Paired(0, 0, 0)
    assert (no_rows.gain, no_rows.standard_error, no_rows.chance_error) == (0.0, 0.0, 0.0)
    assert (no_rows.p_value, no_rows.largest_loss, no_rows.rows_needed) == (1.0, 1.0, None)


@pytest.mark.parametrize(("rows", "lost", "gained"), [(200, 3, 1), (1000, 10, 4), (3000, 12, 12)])
def test_the_bound_covers_the_true_drop_in_at_least_95_of_100_draws(rows: int, lost: int, gained: int) -> None:
    chance = np.random.default_rng(0)
    shares = [lost / rows, gained / rows, 1 - (lost + gained) / rows]
    draws = chance.multinomial(rows, shares, size=4000)
    bounds = np.array([Paired(int(up), int(down), rows).largest_loss for down, up, _ in draws])
    assert np.mean(bounds >= (lost - gained) / rows) >= 0.945
