"""Boosted trees for a handful of features: small, deterministic and without a library."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from core.arrays import Doubles, Indices

ROUNDS, DEPTH, RATE = 60, 3, 0.1
BINS = 32
DECAY = 1.0
"""L2 penalty on the values of the leaves."""


@dataclass(frozen=True)
class Trees:
    """An ensemble of oblivious trees, in which all nodes of a level ask the same question (Kohavi 1994).

    `edges` (f, BINS - 1): bins of the features; `prior` (c,): log shares of the classes; `trees`: the questions, as
    features and bins, and the values (2 ** DEPTH, c) of the leaves.
    """

    edges: Doubles
    prior: Doubles
    trees: list[tuple[list[tuple[int, int]], Doubles]] = field(default_factory=list)

    def chances(self, features: Doubles) -> Doubles:
        """(n, c) probabilities of the classes of rows (n, f)."""
        binned = _binned(features, self.edges)
        scores = np.tile(self.prior, (len(features), 1))
        for questions, values in self.trees:
            scores += values[_leaves(binned, questions)]
        return _softmax(scores)


def fit_trees(features: Doubles, classes: Indices, *, count: int) -> Trees:
    """Trees for rows (n, f) of the classes (n,) 0 … count - 1, by Newton boosting of the log loss (Friedman 2001).

    Each tree has leaves of a value for each class.
    """
    edges = np.quantile(features, np.arange(1, BINS) / BINS, axis=0).T
    binned = _binned(features, edges)
    wanted = np.eye(count)[classes]
    ensemble = Trees(edges, np.log(np.maximum(wanted.mean(axis=0), 1e-9)))
    scores = np.tile(ensemble.prior, (len(features), 1))
    for _ in range(ROUNDS):
        chances = _softmax(scores)
        slopes, curvatures = wanted - chances, chances * (1 - chances)
        questions = _questions(binned, slopes, curvatures)
        leaves = _leaves(binned, questions)
        sums = _sums(leaves, slopes, 2**DEPTH) / (_sums(leaves, curvatures, 2**DEPTH) + DECAY)
        values = RATE * np.clip(sums, -4, 4)
        ensemble.trees.append((questions, values))
        scores += values[leaves]
    return ensemble


def _binned(features: Doubles, edges: Doubles) -> Indices:
    columns = [np.searchsorted(edge, column, side="right") for edge, column in zip(edges, features.T, strict=True)]
    return np.stack(columns).astype(np.int64)


def _leaves(binned: Indices, questions: list[tuple[int, int]]) -> Indices:
    leaves = np.zeros(binned.shape[1], dtype=np.int64)
    for feature, bin_ in questions:
        leaves = 2 * leaves + (binned[feature] > bin_)
    return leaves


def _questions(binned: Indices, slopes: Doubles, curvatures: Doubles) -> list[tuple[int, int]]:
    """Those that lower the loss most, one level after the other."""
    found: list[tuple[int, int]] = []
    # The values of all rows, once for each feature.
    first, second = (np.tile(values.T, len(binned)) for values in (slopes, curvatures))
    for level in range(DEPTH):
        best = int(np.argmax(_gains(_leaves(binned, found) * BINS + binned, first, second, 2**level)))
        found.append((best // (BINS - 1), best % (BINS - 1)))
    return found


def _gains(cells: Indices, slopes: Doubles, curvatures: Doubles, leaves: int) -> Doubles:
    """(f, BINS - 1) of the questions whether the bin is above the first, the second … one, over all leaves.

    `cells` (f, n): leaf and bin of each row by each feature; `slopes`, `curvatures` (c, f * n): of the rows.
    """
    width = leaves * BINS
    places = (cells + width * np.arange(len(cells))[:, None]).ravel()
    shape = len(cells), leaves, BINS, -1
    first, second = (
        np.cumsum(_sums(places, values.T, len(cells) * width).reshape(shape), axis=2) for values in (slopes, curvatures)
    )
    below, above = first[:, :, :-1], first[:, :, -1:] - first[:, :, :-1]
    gains = below**2 / (second[:, :, :-1] + DECAY) + above**2 / (second[:, :, -1:] - second[:, :, :-1] + DECAY)
    summed: Doubles = gains.sum(axis=(1, 3))
    return summed


def _sums(cells: Indices, values: Doubles, count: int) -> Doubles:
    """(count, c) sums of the values (n, c) in each cell."""
    return np.stack([np.bincount(cells, weights=column, minlength=count) for column in values.T], axis=1)


def _softmax(scores: Doubles) -> Doubles:
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    chances: Doubles = powers / powers.sum(axis=1, keepdims=True)
    return chances
