from __future__ import annotations

import numpy as np

from core.two_sample.distances import (
    distance_to_nearest,
    distance_to_nearest_other,
    squared_distances,
    unlike_reference,
)


def test_distances_stay_exact_far_from_the_origin() -> None:
    points = np.random.default_rng(0).normal(size=(40, 8)).astype(np.float32) + np.float32(1000)
    expected = np.square(points[:, None].astype(np.float64) - points[None]).sum(-1)
    np.testing.assert_allclose(squared_distances(points), expected, rtol=1e-3, atol=1e-3)


def test_a_row_is_not_its_own_nearest_other_row() -> None:
    points = np.array([[0.0], [1.0], [5.0]], dtype=np.float32)
    assert distance_to_nearest_other(points).tolist() == [1.0, 1.0, 4.0]
    assert distance_to_nearest(points, points).tolist() == [0.0, 0.0, 0.0]


def test_one_percent_of_similar_rows_and_all_other_rows_are_unlike_the_reference() -> None:
    random = np.random.default_rng(0)
    reference, same = (random.normal(size=(1000, 6)).astype(np.float32) for _ in range(2))
    apart = distance_to_nearest_other(reference)
    assert 0 < unlike_reference(same, reference, apart=apart).mean() < 0.03
    assert unlike_reference(same + np.float32(20), reference, apart=apart).all()
