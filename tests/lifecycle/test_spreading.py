import numpy as np
import pytest

from core.arrays import Indices, Numbers
from core.datasets import Example
from lifecycle.challengers.parts import Parts
from lifecycle.challengers.parts_fitting import EmbeddedParts
from lifecycle.challengers.spreading import NONE, Labelled, spread


def labelled(labels: Indices, *, noise: float = 0.2, seed: int = 0, scale: float = 1.0, shift: float = 0.0) -> Labelled:
    """Rows around one axis for each label; with `shift`, all cosines are greater."""
    points = np.eye(8, 16)[labels] + np.random.default_rng(seed).normal(0, noise, (len(labels), 16)) + shift
    return Labelled(scale * points, labels)


KNOWN = labelled(np.arange(400) % 5, seed=1)
GIVEN = labelled(np.array([5, 5, 6, 7]), seed=2)
NEAR = labelled(np.repeat([5, 6, 7], 20), seed=3)


def test_rows_near_a_given_row_get_its_label() -> None:
    found = spread(GIVEN, NEAR.embeddings, KNOWN, seed=0)
    assert len(found.rows) > 50
    assert np.mean(found.truth == NEAR.truth[found.rows]) > 0.95
    assert found.chance.min() >= 0.5
    assert found.chance.max() < 1


def test_rows_near_no_given_row_get_none() -> None:
    far = labelled(np.repeat([0, 1], 30), seed=4)
    assert len(spread(GIVEN, far.embeddings, KNOWN, seed=0).rows) <= 3


@pytest.mark.parametrize("change", [{"scale": 7.0}, {"shift": 0.3}])
def test_nothing_is_assumed_about_the_cosines_of_the_encoder(change: dict[str, float]) -> None:
    known, given, near, far = (
        labelled(labels, seed=seed, **change)
        for labels, seed in ((KNOWN.truth, 1), (GIVEN.truth, 2), (NEAR.truth, 3), (np.repeat([0, 1], 30), 4))
    )
    assert len(spread(given, near.embeddings, known, seed=0).rows) > 40
    assert len(spread(given, far.embeddings, known, seed=0).rows) <= 10


@pytest.mark.parametrize(
    ("given", "points", "known"),
    [
        (Labelled(np.zeros((0, 16)), np.zeros(0, dtype=np.int64)), NEAR.embeddings, KNOWN),
        (GIVEN, np.zeros((0, 16)), KNOWN),
        (GIVEN, NEAR.embeddings, labelled(np.arange(10) % 5)),
        (GIVEN, NEAR.embeddings, labelled(np.random.default_rng(0).integers(0, 5, 400), noise=50.0)),
    ],
    ids=["nothing given", "nothing unlabelled", "few known rows", "likeness says nothing"],
)
def test_nothing_is_spread_without_evidence(given: Labelled, points: Numbers, known: Labelled) -> None:
    assert len(spread(given, points, known, seed=0).rows) == len(NONE.rows) == 0


def test_the_same_rows_get_the_same_labels() -> None:
    first, second = (spread(GIVEN, NEAR.embeddings, KNOWN, seed=3) for _ in range(2))
    assert np.array_equal(first.rows, second.rows)
    assert np.array_equal(first.chance, second.chance)


def cloud(count: int, axis: int, rng: np.random.Generator, *, beside: float = 0.0) -> Numbers:
    """Points around an axis, or a dense group of them at its side."""
    middle, width = np.eye(4)[axis], 0.15
    if beside:
        middle, width = middle + beside * np.eye(4)[3], 0.03
    points: Numbers = (middle + rng.normal(0, width, (count, 4))).astype(np.float32)
    return points


@pytest.mark.parametrize(("axis", "beside", "kept"), [(2, 0.0, True), (0, 0.2, False)])
def test_labels_are_not_spread_if_that_costs_rows_that_were_right(axis: int, beside: float, kept: bool) -> None:
    """Given rows of "new" that lie among those of "a" would take their unlabelled neighbours with them."""
    rng = np.random.default_rng(0)
    names = ["a"] * 40 + ["b"] * 40 + ["new"] * 4
    train = [Example(f"row {number}", label) for number, label in enumerate(names)]
    validation = [Example(f"held out {number}", label) for number, label in enumerate(["a"] * 40 + ["b"] * 40)]
    given = np.arange(len(train)) >= 80
    parts = Parts(["a", "b", "new"], "single-label", train, given, np.zeros(len(train), dtype=np.bool_), validation)
    embedded = EmbeddedParts(
        parts,
        0,
        np.concatenate([cloud(40, 0, rng), cloud(40, 1, rng), cloud(4, axis, rng, beside=beside)]),
        np.concatenate([cloud(40, 0, rng), cloud(40, 1, rng)]),
        cloud(200, axis, rng, beside=beside),
    )
    assert len(embedded.spread().rows) > 20
    assert (len(embedded.harmless(max_old_drop=0.01).spread().rows) > 0) == kept
