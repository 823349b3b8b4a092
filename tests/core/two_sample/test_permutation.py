from __future__ import annotations

import numpy as np

from core.two_sample.permutation import min_p_adjusted, permuted_table
from core.two_sample.statistics import chi_square, kolmogorov_smirnov


def test_p_values_are_never_zero() -> None:
    table = np.vstack([[100.0, 100.0], np.random.default_rng(0).random((99, 2))])
    assert min_p_adjusted(table).tolist() == [0.01, 0.01]


def test_one_extreme_test_among_others_has_the_smallest_p_value() -> None:
    random = np.random.default_rng(0)
    table = random.random((200, 4))
    table[0] = [50.0, 0.5, 0.5, 0.5]
    assert min_p_adjusted(table)[0] == 1 / 200


def test_adjusted_p_values_are_at_least_the_plain_ones() -> None:
    table = np.random.default_rng(1).random((500, 4))
    plain = np.mean(table >= table[0], axis=0)
    assert (min_p_adjusted(table) >= plain - 1e-12).all()


def test_a_constant_statistic_has_p_value_1_and_does_not_change_the_other() -> None:
    varying = np.arange(100, 0, -1.0)
    assert min_p_adjusted(np.column_stack([np.ones(100), varying])).tolist() == [1.0, 0.01]


def test_the_first_row_of_the_table_is_observed_for_any_number_of_chunks() -> None:
    values = np.concatenate([np.zeros(30), np.ones(20)])
    statistics = [kolmogorov_smirnov(values), chi_square(values.astype(np.int64))]
    table = permuted_table(statistics, reference_rows=30, window_rows=20, resamples=600, seed=3)
    assert table.shape == (601, 2)
    assert table[0].tolist() == [1.0, 50.0]
    assert (table[1:, 0] < 1.0).all()
