from collections import Counter

import pytest

from core.datasets import Example, normalised
from core.errors import InvalidInput, TooFewLabels, TooFewRowsOfLabel, UnknownLabels
from core.labels import Kind
from finetune.split import folds_of, given_split, labels_of, split, trainable

SINGLE: Kind = "single-label"
MULTI: Kind = "multi-label"


def rows(**counts: int) -> list[Example]:
    return [Example(f"{label} {number}", label) for label, count in counts.items() for number in range(count)]


def test_every_label_has_validation_rows() -> None:
    parts = split(rows(common=40, rare=2), SINGLE, share=0.15, max_rows=1000, seed=0)
    assert Counter(example.label for example in parts.validation) == {"common": 6, "rare": 1}
    assert Counter(example.label for example in parts.train) == {"common": 34, "rare": 1}


def test_equal_texts_are_in_the_same_part() -> None:
    examples = [Example(text, row.label) for row in rows(a=20, b=20) for text in (row.text, f" {row.text.upper()}  ")]
    parts = split(examples, SINGLE, share=0.3, max_rows=1000, seed=1)
    train, validation = ({normalised(example.text) for example in part} for part in (parts.train, parts.validation))
    assert len(parts.train) + len(parts.validation) == 80
    assert not train & validation


def test_split_depends_on_the_seed() -> None:
    examples = rows(a=30, b=30)
    first, again, other = (split(examples, SINGLE, share=0.2, max_rows=1000, seed=seed) for seed in (3, 3, 4))
    assert first == again != other


def test_rows_of_a_new_label_do_not_change_the_split_of_the_others() -> None:
    before = split(rows(a=30, b=30), SINGLE, share=0.2, max_rows=1000, seed=0).validation
    after = split(rows(a=30, b=30, new=10), SINGLE, share=0.2, max_rows=1000, seed=0).validation
    assert set(before) < set(after)


def test_one_label_is_refused() -> None:
    with pytest.raises(TooFewLabels, match="only"):
        trainable(rows(only=5), SINGLE)


RARE = [*rows(a=3, c=3), Example("same", "b"), Example("SAME", "b")]


def test_a_label_with_one_text_is_trained_and_not_validated() -> None:
    parts = split(trainable(RARE, SINGLE), SINGLE, share=0.3, max_rows=99, seed=0)
    assert labels_of(parts.train, SINGLE) == ["a", "b", "c"]
    assert labels_of(parts.validation, SINGLE) == ["a", "c"]
    folds = folds_of(RARE, SINGLE, folds=3, seed=0)
    assert all("b" in labels_of(fold.train, SINGLE) and "b" not in labels_of(fold.validation, SINGLE) for fold in folds)


def test_a_label_with_one_text_can_be_dropped_or_refused() -> None:
    assert labels_of(trainable(RARE, SINGLE, rare="drop"), SINGLE) == ["a", "c"]
    with pytest.raises(TooFewRowsOfLabel, match="'b' has 1 row "):
        trainable(RARE, SINGLE, rare="refuse")
    with pytest.raises(TooFewLabels):
        trainable([*rows(a=3), Example("same", "b")], SINGLE, rare="drop")


def test_given_validation_rows_with_training_texts_are_dropped() -> None:
    parts = given_split(rows(a=3, b=3), [Example("A 1", "a"), Example("unseen", "b")], SINGLE)
    assert parts.validation == [Example("unseen", "b")]


def test_given_validation_with_training_texts_only_is_refused() -> None:
    with pytest.raises(InvalidInput, match="not trained on"):
        given_split(rows(a=3, b=3), rows(a=1), SINGLE)


def test_given_validation_with_an_unknown_label_is_refused() -> None:
    with pytest.raises(UnknownLabels, match="c"):
        given_split(rows(a=3, b=3), [Example("x", "c")], SINGLE)


def test_validation_rows_are_limited() -> None:
    parts = split(rows(a=400, b=600), SINGLE, share=0.15, max_rows=50, seed=0)
    assert Counter(example.label for example in parts.validation) == {"a": 20, "b": 30}


def test_split_does_not_depend_on_the_order_of_the_file() -> None:
    orders = rows(a=30, b=30), rows(a=30, b=30)[::-1]
    first, other = (split(examples, SINGLE, share=0.2, max_rows=99, seed=0) for examples in orders)
    assert first == other


def test_every_row_is_a_validation_row_in_one_fold() -> None:
    examples = rows(a=7, b=11)
    parts = folds_of(examples, SINGLE, folds=3, seed=0)
    validation = [row for part in parts for row in part.validation]
    assert sorted(row.text for row in validation) == sorted(row.text for row in examples)
    assert all(not set(part.train) & set(part.validation) for part in parts)


def test_rare_labels_of_multi_label_rows_have_validation_rows() -> None:
    examples = [Example(f"text {number}", "common|rare" if number % 10 == 0 else "common") for number in range(40)]
    parts = split(examples, MULTI, share=0.25, max_rows=99, seed=0)
    assert Counter(example.label for example in parts.validation) == {"common": 9, "common|rare": 1}
    assert labels_of(parts.train, MULTI) == ["common", "rare"]


def test_one_label_is_enough_if_some_texts_lack_it() -> None:
    with_and_without = [Example(f"text {number}", "spam" if number % 2 else "") for number in range(4)]
    trainable(with_and_without, MULTI)
    with pytest.raises(TooFewLabels):
        trainable([row for row in with_and_without if row.label], MULTI)


def test_pairs_that_share_a_text_are_different_rows() -> None:
    examples = [Example("same", "ab"[number % 2], pair=f"other {number}") for number in range(12)]
    parts = split(examples, SINGLE, share=0.34, max_rows=99, seed=0)
    assert (len(parts.train), len(parts.validation)) == (8, 4)
