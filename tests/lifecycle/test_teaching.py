import time

import numpy as np
import pytest

from core.arrays import Numbers
from lifecycle.labels.clusters import clusters
from lifecycle.labels.teaching import teaching_rows

SIZES = (40, 20, 20, 10, 10)
CENTRES = 10 * np.eye(5, 8, dtype=np.float32)


def topics(*, spread: float = 0.3) -> tuple[Numbers, Numbers]:
    """Points in five clumps, and the clump of each."""
    of = np.repeat(np.arange(5), SIZES)
    noise = np.random.default_rng(1).normal(0, spread, (len(of), 8))
    return (CENTRES[of] + noise).astype(np.float32), of


def test_k_means_finds_the_clumps() -> None:
    points, of = topics()
    found = clusters(points, 5, np.random.default_rng(0))
    assert sorted(np.bincount(found.of)) == sorted(SIZES)
    assert all(len(set(found.of[of == clump])) == 1 for clump in range(5))
    nearest = found.rows(int(found.of[0]))[0]
    distances = ((points[of == 0] - points[of == 0].mean(axis=0)) ** 2).sum(axis=1)
    assert nearest == distances.argmin()


def test_copies_make_no_clusters_of_their_own() -> None:
    points = np.repeat(CENTRES[:2], 6, axis=0)
    assert len(set(clusters(points, 5, np.random.default_rng(0)).of)) == 2


def test_less_sure_rows_come_first_and_each_clump_gives_some() -> None:
    points, of = topics()
    sure = np.concatenate([points, points + 50])
    scores = np.concatenate([np.full(100, 0.4), np.full(100, 0.99)])
    chosen = teaching_rows(sure, scores, 10, seed=0)
    assert max(chosen) < 100
    assert set(of[chosen[:5]]) == set(range(5))
    assert len(set(chosen)) == 10


def test_a_wide_cluster_gives_more_rows_than_a_small_one() -> None:
    points, of = topics()
    chosen = teaching_rows(np.concatenate([points, points + 50]), np.repeat([0.4, 0.9], 100), 20, seed=0)
    given = np.bincount(of[chosen], minlength=5)
    assert given[0] > given[3]
    assert given.min() >= 1


def test_the_first_row_of_a_cluster_is_typical() -> None:
    points, of = topics(spread=1.0)
    gaps = ((points - CENTRES[of]) ** 2).sum(axis=1)
    chosen = teaching_rows(np.concatenate([points, points + 50]), np.repeat([0.4, 0.9], 100), 10, seed=0)
    assert np.median(gaps[chosen]) < np.median(gaps)


@pytest.mark.parametrize("count", [1, 2, 7, 99, 100, 150])
def test_as_many_rows_as_asked_for_and_none_twice(count: int) -> None:
    points, _ = topics()
    chosen = teaching_rows(points, np.linspace(0, 1, 100), count, seed=0)
    assert len(chosen) == len(set(chosen)) == min(count, 100)


def test_copies_are_asked_for_last() -> None:
    points = np.concatenate([CENTRES[1:], topics()[0][:6] + 20, np.repeat(CENTRES[:1], 90, axis=0)])
    chosen = teaching_rows(points, np.repeat([0.5, 0.6], [10, 90]), 12, seed=0)
    assert set(range(10)) < set(chosen)


def test_the_same_rows_are_chosen_each_time() -> None:
    points, _ = topics(spread=3.0)
    scores = np.random.default_rng(0).uniform(size=100)
    assert teaching_rows(points, scores, 30, seed=5) == teaching_rows(points, scores, 30, seed=5)


def test_ten_thousand_rows_take_seconds() -> None:
    points = np.random.default_rng(0).normal(size=(10_000, 384)).astype(np.float32)
    started_s = time.process_time()
    assert len(teaching_rows(points, points[:, 0], 200, seed=0)) == 200
    assert time.process_time() - started_s < 60
