from __future__ import annotations

import numpy as np

from core.arrays import Floats
from core.two_sample.statistics import chi_square, kolmogorov_smirnov, maximum_mean_discrepancy

WINDOW = np.repeat([0.0, 1.0], [60, 40]).astype(np.float32)[:, None]


def splits(count: int) -> Floats:
    return np.random.default_rng(0).permuted(np.tile(WINDOW, count), axis=0)


def test_maximum_mean_discrepancy_equals_its_definition() -> None:
    points = np.random.default_rng(0).normal(size=(100, 5))
    distances = np.square(points[:, None] - points[None]).sum(-1)
    # The kernel uses the upper median of all values, including the zeros of the diagonal.
    kernel = np.exp(-distances / np.sort(distances, axis=None)[distances.size // 2])
    usual, present = slice(0, 60), slice(60, 100)
    biased = kernel[usual, usual].mean() + kernel[present, present].mean() - 2 * kernel[usual, present].mean()
    chance = (1 / 60 + 1 / 40) * (1 - kernel[~np.eye(100, dtype=bool)].mean())
    value = maximum_mean_discrepancy(points.astype(np.float32))(WINDOW)[0]
    np.testing.assert_allclose(value, biased - chance, atol=1e-6)


def test_maximum_mean_discrepancy_is_zero_on_average_and_above_it_for_shifted_rows() -> None:
    points = np.random.default_rng(0).normal(size=(100, 5)).astype(np.float32)
    assert abs(maximum_mean_discrepancy(points)(splits(4000)).mean()) < 1e-4
    assert maximum_mean_discrepancy(points + 3 * WINDOW)(WINDOW)[0] > 0.3


def test_maximum_mean_discrepancy_of_identical_rows_is_zero() -> None:
    values = maximum_mean_discrepancy(np.ones((100, 5), dtype=np.float32))(splits(5))
    np.testing.assert_allclose(values, 0, atol=1e-6)


def test_kolmogorov_smirnov_equals_its_definition_with_ties() -> None:
    values = np.random.default_rng(0).integers(0, 8, 100)
    expected = max(abs(np.mean(values[:60] <= cut) - np.mean(values[60:] <= cut)) for cut in range(8))
    np.testing.assert_allclose(kolmogorov_smirnov(values)(WINDOW)[0], expected)


def test_chi_square_equals_its_definition_and_ignores_categories_that_do_not_occur() -> None:
    values = np.random.default_rng(0).integers(0, 4, 100) * 7
    observed = np.array([[np.sum(side == label) for label in range(0, 28, 7)] for side in (values[:60], values[60:])])
    expected = observed.sum(1, keepdims=True) * observed.sum(0) / 100
    np.testing.assert_allclose(chi_square(values)(WINDOW)[0], (np.square(observed - expected) / expected).sum())
