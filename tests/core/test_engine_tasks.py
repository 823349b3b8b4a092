"""Engines of packages for text pairs and for multi-label models."""

import numpy as np
import pytest

from core.assigned import cells, same
from core.engine import Encoded, Engine, padded
from core.errors import InputDoesNotFit
from core.labels import names_in
from core.prediction_json import answer
from tests.tasks import TaskFiles, multi_label_rows, paired_rows

LONG = " ".join(["invoice"] * 40)
PAIRS = [("the invoice", "a crash"), (LONG, "error"), ("error", LONG), (LONG, LONG), ("x", "y")]


@pytest.fixture(scope="module")
def pairs(paired: TaskFiles) -> Engine:
    return Engine(paired.package, threads=1)


@pytest.fixture(scope="module")
def several(multi_label: TaskFiles) -> Engine:
    return Engine(multi_label.package, threads=1)


def test_pairs_are_tokenized_and_truncated_as_by_transformers(pairs: Engine, paired: TaskFiles) -> None:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(paired.checkpoint)
    for (first, second), ours in zip(PAIRS, pairs.encode(PAIRS), strict=True):
        theirs = tokenizer(first, second, truncation=True, max_length=32)
        assert (ours.ids, ours.types) == (theirs["input_ids"], theirs["token_type_ids"])
        assert ours.truncated is (len(tokenizer(first, second)["input_ids"]) > 32)


def test_answers_depend_on_which_text_comes_second(pairs: Engine) -> None:
    rows = paired_rows(120, seed=9)
    right = same(pairs.truth(rows), pairs.answer([row.input for row in rows]).predicted)
    swapped = same(pairs.truth(rows), pairs.answer([(str(row.pair), row.text) for row in rows]).predicted)
    assert right.mean() > swapped.mean() + 0.15


def test_a_pair_gets_the_same_answer_alone_and_in_a_batch(pairs: Engine) -> None:
    together = pairs.answer(PAIRS).probabilities
    alone = np.concatenate([pairs.answer([pair]).probabilities for pair in PAIRS])
    np.testing.assert_allclose(together, alone, atol=1e-5)


def test_a_single_text_or_a_pair_of_the_wrong_task_is_refused(pairs: Engine, several: Engine) -> None:
    with pytest.raises(InputDoesNotFit, match="answers pairs of texts and was given a single text"):
        pairs.encode([("a", "b"), "c"])
    with pytest.raises(InputDoesNotFit, match="answers single texts and was given a pair"):
        several.encode([("a", "b")])


def test_shorter_rows_are_padded_with_the_packages_token() -> None:
    feed = padded([Encoded([7, 8, 9], False, [0, 1, 1]), Encoded([5], False)], pad_id=1)
    assert feed["input_ids"].tolist() == [[7, 8, 9], [5, 1, 1]]
    assert feed["attention_mask"].tolist() == [[1, 1, 1], [1, 0, 0]]
    assert feed["token_type_ids"].tolist() == [[0, 1, 1], [0, 0, 0]]


def test_labels_that_reach_their_threshold_are_given(several: Engine) -> None:
    outputs = several.answer([row.text for row in multi_label_rows(60, seed=3)])
    thresholds = np.array([0.4, 0.5, 0.6], dtype=np.float32)
    np.testing.assert_allclose(outputs.probabilities, 1 / (1 + np.exp(-outputs.logits)), atol=1e-6)
    assert (outputs.predicted == (outputs.probabilities >= thresholds)).all()


def test_sets_of_labels_are_predicted_including_the_empty_set(several: Engine) -> None:
    rows = multi_label_rows(120, seed=3)
    given = cells(several.answer([row.text for row in rows]).predicted, several.labels)
    assert np.mean([cell == row.label for cell, row in zip(given, rows, strict=True)]) > 0.8
    assert {"", "billing", "billing|bug|how_to"} <= set(given)


def test_sets_with_higher_confidence_are_right_more_often(several: Engine) -> None:
    rows = multi_label_rows(400, seed=4)
    features = several.features(rows)
    is_confident = features.confidence >= np.median(features.confidence)
    assert features.right[is_confident].mean() > features.right[~is_confident].mean()
    assert np.array_equal(features.confidence, several.answer([row.text for row in rows]).confidence)


def test_rows_with_other_labels_or_none_have_no_known_truth(several: Engine) -> None:
    rows = multi_label_rows(2)
    changed = [*rows, type(rows[0])("x", "bug|unheard of"), type(rows[0])("x")]
    assert several.features(changed).known.tolist() == [True, True, False, False]


def test_an_answer_lists_its_labels_and_scores_all(several: Engine) -> None:
    for row in multi_label_rows(30, seed=5):
        [encoded] = several.encode([row.text])
        outputs = several.infer([encoded])
        given = answer(several, encoded, outputs)
        assert given["labels"] == list(names_in(given["label"]))
        assert set(given["scores"]) == set(several.labels)
        chances = [score if label in given["labels"] else 1 - score for label, score in given["scores"].items()]
        assert given["score"] == pytest.approx(float(np.prod(chances)), abs=1e-5)
        assert given["abstained"] is (given["score"] < 0.5)
