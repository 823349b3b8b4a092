"""Features of rows for drift checks, computed by one package."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from core.arrays import Booleans, Floats, Indices
from core.assigned import Assigned, Truth, known, same
from core.datasets import Example
from core.labels import names_in
from core.two_sample.distances import distance_to_nearest_other


@dataclass(frozen=True)
class Features:
    """n rows: embeddings (n, d) float32; predicted (n,) label index; confidence (n,) in 0..1;
    length (n,) in tokens; truth (n,) label index, -1 where the label is missing or unknown to the model.

    copies (n,): number of rows that each one stands for, itself and its copies; None if near-copies are rows of their
    own, as in packages of earlier releases.

    Multi-label: predicted is (n, k) bool, truth (n, k) int8 (see `core.assigned`), confidence that of the whole set.
    """

    embeddings: Floats
    predicted: Assigned
    confidence: Floats
    length: Indices
    truth: Truth
    copies: Indices | None = None

    @property
    def rows(self) -> int:
        return len(self.predicted)

    @cached_property
    def apart(self) -> Floats:
        """(n,) Euclidean distance of each row to its nearest other row; at least two rows."""
        return distance_to_nearest_other(self.embeddings)

    @property
    def known(self) -> Booleans:
        """(n,) whether the truth is known."""
        return known(self.truth)

    @property
    def right(self) -> Booleans:
        """(n,) whether the prediction is known to be correct; a set of labels must be exactly right."""
        return same(self.predicted, self.truth)


def truth_of(examples: Sequence[Example], labels: Sequence[str]) -> Indices:
    """Label indices of rows, -1 for a label that is missing or not among `labels`."""
    index = {label: position for position, label in enumerate(labels)}
    return np.array([index.get(example.label or "", -1) for example in examples], dtype=np.int64)


def truth_matrix(examples: Sequence[Example], labels: Sequence[str]) -> Booleans:
    """(n, k) whether the row has the label; names that are not in `labels` are ignored."""
    index = {label: position for position, label in enumerate(labels)}
    truth = np.zeros((len(examples), len(labels)), dtype=np.bool_)
    for row, example in enumerate(examples):
        truth[row, [index[name] for name in names_in(example.label or "") if name in index]] = True
    return truth


def truth_sets(examples: Sequence[Example], labels: Sequence[str]) -> NDArray[np.int8]:
    """(n, k) like `truth_matrix`, 1 and 0, but -1 in rows without a label or with a name that is not in `labels`."""
    truth = truth_matrix(examples, labels).astype(np.int8)
    names = set(labels)
    truth[[example.label is None or not names.issuperset(names_in(example.label)) for example in examples]] = -1
    return truth
