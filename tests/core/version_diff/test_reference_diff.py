from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from core.features import Features
from core.labels import Kind
from core.lineage import DataSet, Lineage
from core.package import PackageFacts
from core.paired import Paired
from core.version_diff.reference_diff import Confused, Score, reference_diff

Side = tuple[PackageFacts, Features]


def side(labels: list[str], truth: Any, predicted: Any, *, reference: str = "a", kind: Kind = "single-label") -> Side:
    """A version with its answers to the rows of a reference."""
    lineage = Lineage(reference=DataSet(reference, len(truth)))
    function: Any = "sigmoid" if kind == "multi-label" else "softmax"
    facts = PackageFacts(labels, function, 1.0, 32, "fp32", lineage=lineage)
    rows = len(truth)
    ones = np.ones(rows, dtype=np.float32)
    features = Features(np.zeros((rows, 2), np.float32), np.array(predicted), ones, np.ones(rows, int), np.array(truth))
    return facts, features


def same(label: str) -> str:
    return label


def test_versions_are_paired_on_the_rows_of_one_reference() -> None:
    before = side(["a", "b"], [0, 0, 1, 1, -1], [0, 1, 1, 0, 0])
    after = side(["a", "b"], [0, 0, 1, 1, -1], [0, 0, 0, 0, 1])
    found = reference_diff(before, after, same)
    assert (found.is_same, found.paired, found.p_value) == (True, Paired(1, 1, 4), 1.0)
    assert (found.before.accuracy.value, found.after.accuracy.value) == (0.5, 0.5)
    assert found.confused == [Confused("a", "b", 1, 0), Confused("b", "a", 1, 2)]
    scores = {one.label: (one.before, one.after) for one in found.by_label}
    assert scores == {"a": (Score(2, 2, 1), Score(2, 4, 2)), "b": (Score(2, 2, 1), Score(2, 0, 0))}


def test_a_label_that_one_version_lacks_is_wrong_for_it() -> None:
    """The reference of the older version does not know its row's label."""
    before = side(["a"], [0, -1], [0, 0])
    after = side(["a", "new"], [0, 1], [0, 1])
    found = reference_diff(before, after, same)
    assert (found.paired, found.confused) == (Paired(1, 0, 2), [Confused("new", "a", 1, 0)])
    new = found.by_label[0]
    assert (new.label, new.before, new.after) == ("new", None, Score(1, 1, 1))
    back = reference_diff(after, before, same)
    assert (back.paired, back.by_label[0].after) == (Paired(0, 1, 2), None)


def test_a_label_that_a_rule_renames_is_the_same_label() -> None:
    before, after = side(["bill"], [0], [0]), side(["payment"], [0], [0])
    found = reference_diff(before, after, {"bill": "payment", "payment": "payment"}.__getitem__)
    assert found.confused == []
    assert [(one.label, one.change) for one in found.by_label] == [("payment", 0.0)]


@pytest.mark.parametrize(("one", "other"), [("a", "b"), ("", "")])
def test_other_references_are_scored_apart(one: str, other: str) -> None:
    before = side(["a", "b"], [0, 1], [0, 1], reference=one)
    after = side(["a", "b"], [0, 1, 1], [0, 1, 0], reference=other)
    found = reference_diff(before, after, same)
    assert (found.is_same, found.paired, found.confused, found.p_value) == (False, None, [], 1.0)
    assert (found.before.accuracy.rows, found.after.accuracy.rows) == (2, 3)
    assert [(one.label, round(one.change, 2)) for one in found.by_label] == [("a", -0.33), ("b", -0.33)]


def test_sets_of_labels_are_scored_label_by_label() -> None:
    truth = [[1, 1], [0, 1], [-1, -1]]
    before = side(["a", "b"], truth, [[True, False], [False, True], [True, True]], kind="multi-label")
    after = side(["a", "b"], truth, [[True, True], [False, False], [True, True]], kind="multi-label")
    found = reference_diff(before, after, same)
    assert found.paired == Paired(1, 1, 2)
    scores = {one.label: (one.before, one.after) for one in found.by_label}
    assert scores == {"a": (Score(1, 1, 1), Score(1, 1, 1)), "b": (Score(2, 1, 1), Score(2, 1, 1))}
    assert found.confused == [Confused("a|b", "a", 1, 0), Confused("b", "", 0, 1)]
