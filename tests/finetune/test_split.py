from collections import Counter

import pytest

from core.datasets import Example, normalised
from core.errors import InvalidInput, TooFewLabels, TooFewRowsOfLabel, UnknownLabels
from finetune.split import given_split, require_trainable, split


def rows(**counts: int) -> list[Example]:
    return [Example(f"{label} {number}", label) for label, count in counts.items() for number in range(count)]


def test_split_validates_every_label() -> None:
    parts = split(rows(common=40, rare=2), validation_share=0.15, seed=0)
    assert Counter(example.label for example in parts.validation) == {"common": 6, "rare": 1}
    assert Counter(example.label for example in parts.train) == {"common": 34, "rare": 1}


def test_split_keeps_equal_texts_on_one_side() -> None:
    examples = [Example(text, row.label) for row in rows(a=20, b=20) for text in (row.text, f" {row.text.upper()}  ")]
    parts = split(examples, validation_share=0.3, seed=1)
    trained, validated = ({normalised(example.text) for example in side} for side in (parts.train, parts.validation))
    assert len(parts.train) + len(parts.validation) == 80
    assert not trained & validated


def test_split_follows_the_seed() -> None:
    examples = rows(a=30, b=30)
    assert split(examples, validation_share=0.2, seed=3) == split(examples, validation_share=0.2, seed=3)
    assert split(examples, validation_share=0.2, seed=3) != split(examples, validation_share=0.2, seed=4)


def test_rows_of_a_new_label_leave_the_others_where_they_were() -> None:
    before = split(rows(a=30, b=30), validation_share=0.2, seed=0).validation
    after = split(rows(a=30, b=30, new=10), validation_share=0.2, seed=0).validation
    assert set(before) < set(after)


def test_one_label_is_refused() -> None:
    with pytest.raises(TooFewLabels, match="only"):
        require_trainable(rows(only=5))


def test_a_label_with_one_text_twice_is_refused() -> None:
    with pytest.raises(TooFewRowsOfLabel, match="'b' has 1 row "):
        require_trainable([*rows(a=3), Example("same", "b"), Example("SAME", "b")])


def test_given_validation_drops_texts_that_are_trained_on() -> None:
    parts = given_split(rows(a=3, b=3), [Example("A 1", "a"), Example("unseen", "b")])
    assert parts.validation == [Example("unseen", "b")]


def test_given_validation_that_is_all_trained_on_is_refused() -> None:
    with pytest.raises(InvalidInput, match="not trained on"):
        given_split(rows(a=3, b=3), rows(a=1))


def test_given_validation_with_an_unknown_label_is_refused() -> None:
    with pytest.raises(UnknownLabels, match="c"):
        given_split(rows(a=3, b=3), [Example("x", "c")])
