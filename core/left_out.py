"""What rows of labels that a head was not fitted on look like to it: five features of the logits of a row."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.arrays import Doubles, Floats, Indices, Numbers


@dataclass(frozen=True)
class LeftOut:
    """Rows whose label was left out of the head, and the head of the package.

    `features` (u, 5): `head_features` of held-out rows, by a head that was fitted without the label group `group` (u,)
    of the row. `weight` (k, d), `bias` (k,): the head of the package, divided by its temperature.
    """

    weight: Floats
    bias: Floats
    features: Doubles
    group: Indices

    @property
    def is_sound(self) -> bool:
        """Whether the shapes fit together."""
        rows, labels = len(self.group), len(self.bias)
        return self.features.shape == (rows, 5) and self.weight.shape[:1] == (labels,) and rows > 0 and labels > 2

    def features_of(self, embeddings: Floats) -> Doubles:
        """`head_features` (n, 5) of rows (n, d) by the head of the package."""
        return head_features(embeddings @ self.weight.T + self.bias)


def head_features(logits: Numbers) -> Doubles:
    """(n, 5): log odds of the best label, its margin in the logits, entropy as a share of the largest possible one,
    log-sum-exp of the logits (Liu et al. 2020), largest logit; of logits (n, k) with the temperature applied, k > 1.

    >>> head_features(np.array([[0.0, 0.0], [9.0, -9.0]])).round(2).tolist()
    [[0.0, 0.0, 1.0, 0.69, 0.0], [18.0, 18.0, 0.0, 9.0, 9.0]]
    """
    exact = logits.astype(np.float64)
    second, best = np.partition(exact, -2, axis=1)[:, -2:].T
    others = np.exp(exact - best[:, None]).sum(axis=1) - 1
    chances = np.exp(exact - best[:, None]) / (1 + others)[:, None]
    entropy = -np.sum(chances * np.log(np.maximum(chances, 1e-12)), axis=1) / np.log(logits.shape[1])
    odds = 0.0 - np.log(np.maximum(others, 1e-9))
    return np.column_stack([odds, best - second, entropy + 0.0, best + np.log1p(others), best])
