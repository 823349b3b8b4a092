from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from core.features import Features
from core.left_out import LeftOut
from monitoring.accuracy.estimate import Estimate, estimate_accuracy
from monitoring.accuracy.thresholded import thresholded
from tests.monitoring import rows
from tests.monitoring.accuracy.worlds import World, make_world


@pytest.fixture(scope="module")
def world() -> World:
    return make_world()


@pytest.fixture(scope="module")
def reference(world: World) -> Features:
    return world.drawn(600, new=0, seed=1)


@pytest.fixture(scope="module")
def left_out(world: World, reference: Features) -> LeftOut:
    return world.left_out(reference)


def estimate(reference: Features, window: Features, left_out: LeftOut | None) -> Estimate:
    found = estimate_accuracy(reference, window, left_out=left_out, min_rows=50, seed=0)
    assert found is not None
    return found


@pytest.mark.parametrize("new", [0.0, 0.3, 0.6])
def test_the_interval_holds_the_accuracy_where_new_labels_come(
    world: World, reference: Features, left_out: LeftOut, new: float
) -> None:
    window = world.drawn(500, new=new, seed=2)
    found = estimate(reference, window, left_out)
    accuracy = float(np.mean(window.right))
    assert found.share.low <= accuracy <= found.share.high
    assert found.share.high - found.share.low < 0.3
    assert found.note is None


def test_labels_that_new_ones_are_answered_with_have_a_lower_estimate(
    world: World, reference: Features, left_out: LeftOut
) -> None:
    window = world.drawn(1500, new=0.4, seed=4)
    found = estimate(reference, window, left_out).by_label
    true = {label: float(np.mean(window.right[window.predicted == label])) for label in found}
    assert np.corrcoef(list(found.values()), list(true.values()))[0, 1] > 0.6


def test_the_same_rows_give_the_same_estimate(world: World, reference: Features, left_out: LeftOut) -> None:
    window = world.drawn(200, new=0.3, seed=5)
    assert estimate(reference, window, left_out) == estimate(reference, window, left_out)


def test_a_package_without_left_out_labels_says_what_it_cannot_see(world: World, reference: Features) -> None:
    found = estimate(reference, world.drawn(200, new=0, seed=6), None)
    assert found.share == thresholded(reference, world.drawn(200, new=0, seed=6), min_rows=50, seed=0)
    assert "export the model again" in (found.note or "")


def test_rows_outside_of_the_reference_cannot_be_estimated(
    world: World, reference: Features, left_out: LeftOut
) -> None:
    window = world.drawn(300, new=0, seed=7)
    elsewhere = replace(window, embeddings=window.embeddings + np.float32(0.2))
    found = estimate(reference, elsewhere, left_out)
    assert (found.note or "").startswith("accuracy cannot be estimated: the rows lie outside")
    assert found.share.low <= 1 / 12


def test_without_known_truths_there_is_no_estimate() -> None:
    unlabelled = replace(rows.draw(200, seed=0), truth=np.full(200, -1))
    assert estimate_accuracy(unlabelled, rows.draw(100, seed=1), left_out=None, min_rows=50, seed=0) is None
