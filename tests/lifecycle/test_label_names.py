"""Names of new labels as examples."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.config import RetrainConfig
from core.datasets import Example
from core.home import Home
from lifecycle.challengers.head_fitting import ExtraRows
from lifecycle.challengers.label_names import label_names
from lifecycle.challengers.parts import Parts
from lifecycle.challengers.parts_fitting import EmbeddedParts
from tests.lifecycle.champions import Case


def parts(*labels: str, given: int = 3) -> Parts:
    train = [Example(f"row {number} of {label}", label) for label in labels for number in range(2)]
    is_given = np.arange(len(train)) >= len(train) - 2 * given
    return Parts(list(labels), "single-label", train, is_given, np.zeros(len(train), dtype=np.bool_), [])


def test_only_names_of_new_labels_that_are_words_are_examples() -> None:
    assert label_names(parts("old_one", "lost_card", "17", "q4")) == [(1, "lost card")]


def test_pairs_and_several_labels_have_no_names() -> None:
    made = parts("old", "lost_card", given=1)
    assert label_names(made)
    assert not label_names(replace(made, kind="multi-label"))
    assert not label_names(replace(made, train=[replace(row, pair="and this") for row in made.train]))


def test_a_label_is_answered_for_texts_like_its_name() -> None:
    made = replace(parts("a", "b", "new", given=1), validation=[Example("c", "a"), Example("d", "b")])
    axes = np.eye(8, dtype=np.float32)
    train = axes[[0, 0, 1, 1, 2, 2]]
    names = ExtraRows(axes[[3]], np.array([2]), np.array([3.0]))
    like_the_name = 0.6 * axes[[3]] + 0.4 * axes[[0]]
    answers = [
        int(EmbeddedParts(made, 0, train, axes[:2], names=one).fit().head.logits(like_the_name).argmax())
        for one in (None, names)
    ]
    assert answers == [0, 2]


@pytest.mark.parametrize("is_on", [True, False])
def test_the_reason_says_so_and_it_can_be_turned_off(case: Callable[[str], Case], tmp_path: Path, is_on: bool) -> None:
    made = case("single")
    made.home = Home(made.home.config.model_copy(update={"retrain": RetrainConfig(label_names=is_on)}))
    reason = made.train("head", tmp_path).training.reason
    assert ("new labels' names as examples (1)" in reason) == is_on
