"""A head between the champion's and one that was fitted anew."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from core.config import GateConfig
from core.datasets import Example
from core.engine import Engine
from core.taxonomy import LabelRule, Taxonomy
from finetune.head import Head
from lifecycle.challengers.champion_head import ChampionHead, champion_head
from lifecycle.challengers.parts import Parts
from lifecycle.challengers.parts_fitting import EmbeddedParts
from lifecycle.challengers.repair import Repair
from tests.lifecycle.champions import Case

AXES = np.eye(3, dtype=np.float32)
NO_BIAS = np.zeros(3, dtype=np.float32)
KNOWS = np.array([True, True, False])
CHAMPION = ChampionHead(Head(4 * AXES * KNOWS[:, None], NO_BIAS), KNOWS)
OLD = np.concatenate([np.repeat(AXES[[0]], 50, axis=0), np.repeat(AXES[[1]], 50, axis=0)])
TRUTH = np.repeat([0, 1], 50)
REPAIR = Repair(~KNOWS, GateConfig(max_old_drop=0.01), CHAMPION)


def head(weight: list[list[float]]) -> Head:
    return Head(np.array(weight, dtype=np.float32), NO_BIAS)


def test_a_head_that_keeps_the_old_rows_is_not_mixed() -> None:
    assert REPAIR.least_share(head([[2, 0, 0], [0, 2, 0], [0, 0, 2]]), 1.0, OLD, TRUTH) == 0


@pytest.mark.parametrize(("confused", "share"), [(2.5, 0.25), (4.0, 0.5), (90.0, 0.0)])
def test_the_least_share_of_the_champion_is_taken_that_keeps_the_old_rows(confused: float, share: float) -> None:
    """Rows of label 1 are answered with label 0; where no share helps, none is taken."""
    assert REPAIR.least_share(head([[2, confused, 0], [0, 2, 0], [0, 0, 2]]), 1.0, OLD, TRUTH) == share


def test_without_a_champion_or_rows_of_its_labels_nothing_is_mixed() -> None:
    wrong = head([[2, 6, 0], [0, 2, 0], [0, 0, 2]])
    assert replace(REPAIR, champion=None).least_share(wrong, 1.0, OLD, TRUTH) == 0
    assert REPAIR.least_share(wrong, 1.0, AXES[[2]], np.array([2])) == 0


def test_a_fitted_head_is_mixed_if_it_loses_validation_rows_that_the_champion_did_not_learn() -> None:
    """Rows of label 1 that lie between both labels, which only the champion has right."""
    between = 0.4 * AXES[[0]] + 0.6 * AXES[[1]] + 0.5 * AXES[[2]]
    train = np.concatenate([AXES[[0, 0, 0, 1, 2, 2]], between, between])
    labels = ["a", "b", "new"]
    truth = ["a", "a", "a", "b", "new", "new", "a", "a"]
    rows = [Example(f"row {number}", label) for number, label in enumerate(truth)]
    held = [Example(f"held {number}", "b") for number in range(20)]
    none = np.zeros(len(rows), dtype=np.bool_)
    parts = Parts(labels, "single-label", rows, none | (np.arange(len(rows)) > 3), none, held, validates_again=True)
    embedded = EmbeddedParts(parts, 0, train, np.repeat(between, 20, axis=0), repair=REPAIR)
    fitted = embedded.fit()
    assert fitted.history[-1] == {"step": "mix", "of_the_champion": embedded.share}
    assert int(fitted.head.logits(between).argmax()) == 1
    learned = replace(embedded, parts=replace(parts, validates_again=False))
    assert learned.share == 0
    assert int(learned.fit().head.logits(between).argmax()) == 0


def test_labels_that_the_champion_lacks_keep_their_weights_and_their_level() -> None:
    before = head([[2, 0, 0], [0, 2, 0], [0, 0, 2]])
    mixed = CHAMPION.mixed(before, 0.5, 0.5, OLD)
    np.testing.assert_array_equal(mixed.weight[2], before.weight[2])
    np.testing.assert_allclose(mixed.logits(OLD).max(axis=1), before.logits(OLD).max(axis=1), atol=1e-6)


def test_the_head_of_a_package_answers_as_its_champion(case: Callable[[str], Case]) -> None:
    made = case("single")
    champion = made.situation.champion
    found = champion_head(champion, [*champion.labels, "chat"], Taxonomy())
    assert found is not None
    answer = Engine(champion.folder).answer([row.text for row in made.rows.train])
    truth = answer.probabilities.argmax(axis=1)
    assert found.knows.tolist() == [True] * len(champion.labels) + [False]
    assert found.right(answer.embeddings, truth).mean() > 0.99


def test_a_renamed_label_is_known_and_merged_ones_are_not(case: Callable[[str], Case]) -> None:
    champion = case("single").situation.champion
    first, second, *others = champion.labels
    renamed = champion_head(champion, ["other", second], Taxonomy([LabelRule("rename", first, "other")]))
    assert renamed is not None
    assert renamed.knows.tolist() == [True, True]
    merged = champion_head(champion, [second, *others], Taxonomy([LabelRule("rename", first, second)]))
    assert merged is not None
    assert merged.knows.tolist() == [False, *[True] * len(others)]
    assert champion_head(champion, ["none of them"], Taxonomy()) is None
