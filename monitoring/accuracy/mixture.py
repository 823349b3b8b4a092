"""The shares of right rows, wrong rows and rows of unknown labels in a window."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.arrays import Doubles, Indices
from monitoring.accuracy.trees import Trees, fit_trees

RIGHT, WRONG, UNKNOWN = 0, 1, 2
PARTS = 5
STEPS = 60


@dataclass(frozen=True)
class Known:
    """Rows of known class: `features` (n, f), `classes` (n,), and the `part` (n,) that each one is left out with.

    `labels` (n,): the label of a row, for an unknown one its label group. All rows of a label
    group are in one part, so that chances of their class come from trees that never saw the group.
    """

    features: Doubles
    classes: Indices
    part: Indices
    labels: Indices

    @property
    def shares(self) -> Doubles:
        """(3,) shares of the classes, none of them 0."""
        counts = np.bincount(self.classes, minlength=3) + 0.5
        shares: Doubles = counts / counts.sum()
        return shares


@dataclass(frozen=True)
class Mixture:
    """`held_out` (n, 3): chances of the classes of the known rows, by trees fitted without their part."""

    known: Known
    trees: list[Trees]
    held_out: Doubles

    def chances(self, features: Doubles) -> Doubles:
        """(m, 3) chances of the classes of other rows: the geometric mean over the trees."""
        logs = np.mean([np.log(np.maximum(trees.chances(features), 1e-9)) for trees in self.trees], axis=0)
        powers = np.exp(logs)
        chances: Doubles = powers / powers.sum(axis=1, keepdims=True)
        return chances


def fit_mixture(known: Known) -> Mixture:
    trees = []
    held_out = np.empty((len(known.classes), 3))
    for part in range(PARTS):
        out = known.part == part
        trees.append(fit_trees(known.features[~out], known.classes[~out], count=3))
        held_out[out] = trees[-1].chances(known.features[out])
    return Mixture(known, trees, held_out)


def estimated_shares(chances: Doubles, before: Doubles, *, weights: Doubles | None = None) -> Doubles:
    """(3,) shares of the classes among rows with the chances (m, 3) where they had the shares `before`.

    Expectation and maximisation for shifted shares (Saerens et al. 2002), with a class for unknown labels as in
    open-set label shift (arXiv 2505.05868). `weights` (m,) sum to 1.
    """
    weight = np.full(len(chances), 1 / len(chances)) if weights is None else weights
    ratios, shares = chances / before, before
    for _ in range(STEPS):
        shares = weight @ posterior(ratios, shares)
    return shares


def posterior(ratios: Doubles, shares: Doubles) -> Doubles:
    """(m, 3) chances of the classes where these have the `shares`, from ratios of densities."""
    joint: Doubles = ratios * shares
    right, wrong, unknown = joint.T  # added by hand: a sum over an axis of three takes several times as long
    joint /= (right + wrong + unknown)[:, None]
    return joint
