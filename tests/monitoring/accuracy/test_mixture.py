from __future__ import annotations

import numpy as np

from monitoring.accuracy.mixture import RIGHT, UNKNOWN, WRONG, estimated_shares
from monitoring.accuracy.separability import separability
from monitoring.accuracy.simulated import Simulated
from monitoring.accuracy.trees import fit_trees


def test_shares_are_found_where_they_differ_from_those_before() -> None:
    random = np.random.default_rng(0)
    chances = np.array([[0.8, 0.1, 0.1], [0.1, 0.8, 0.1], [0.1, 0.1, 0.8]])  # of what is seen, for each class
    before = np.full(3, 1 / 3)
    classes = random.choice(3, 20_000, p=[0.2, 0.1, 0.7])
    seen = (random.random(20_000)[:, None] > chances[classes].cumsum(axis=1)).sum(axis=1)
    found = estimated_shares(chances[seen], before)
    assert np.allclose(found, [0.2, 0.1, 0.7], atol=0.02)


def test_weights_stand_for_repeated_rows() -> None:
    chances = np.array([[0.7, 0.2, 0.1], [0.1, 0.3, 0.6]])
    before = np.full(3, 1 / 3)
    repeated = estimated_shares(chances[[0, 0, 0, 1]], before)
    assert np.allclose(repeated, estimated_shares(chances, before, weights=np.array([0.75, 0.25])))


def test_trees_learn_an_interaction_of_two_features() -> None:
    random = np.random.default_rng(1)
    features = random.normal(size=(1500, 2))
    classes = (features[:, 0] * features[:, 1] > 0).astype(np.int64)
    trees = fit_trees(features[:1000], classes[:1000], count=3)
    chances = trees.chances(features[1000:])
    assert np.mean(chances.argmax(axis=1) == classes[1000:]) > 0.9
    assert chances[:, UNKNOWN].max() < 0.01
    assert {RIGHT, WRONG} == set(chances.argmax(axis=1))


def test_separability_is_a_half_for_one_source_and_one_for_two() -> None:
    random = np.random.default_rng(2)
    first, second = random.normal(size=(2, 400, 8)).astype(np.float32)
    assert abs(separability(first, second, seed=0) - 0.5) < 0.06
    assert separability(first, second + np.float32(3), seed=0) > 0.99


def test_the_margin_is_that_of_windows_with_a_similar_estimate() -> None:
    low, high = np.linspace(0.0, 0.2, 50), np.linspace(0.8, 1.0, 50)
    simulated = Simulated(np.concatenate([low, high]), np.concatenate([low + 0.1, high]))
    assert simulated.margin(0.9) < 1e-9
    assert abs(simulated.margin(0.1) - 0.175) < 1e-9
