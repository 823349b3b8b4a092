from __future__ import annotations

from pathlib import Path

import pytest

from core.datasets import Text
from core.engine import Encoded, Engine, TokenSpan
from service.answering.occlusion import FEWEST_PARTS, MOST_TOKENS, Part, occlude, parts_of, without


class Letters:
    """Reads each letter as a token, and adds none."""

    def encode_with_spans(self, text: str) -> tuple[Encoded, list[TokenSpan | None]]:
        places = [place for place, letter in enumerate(text) if letter.isalpha()]
        return Encoded([7] * len(places), truncated=False), spans(*((place, place + 1) for place in places))


def spans(*places: tuple[int, int], of: int = 0) -> list[TokenSpan | None]:
    return [TokenSpan(of, *place) for place in places]


def shown(text: str, parts: list[Part]) -> list[str]:
    return [text[part.start : part.end] for part in parts]


def test_a_part_has_the_tokens_of_its_word() -> None:
    parts, size = parts_of("my refunds!", [None, *spans((0, 2), (3, 9), (9, 10), (10, 11)), None], most=64)
    assert size == 1
    assert parts == [Part(0, 0, 2, (1,)), Part(0, 3, 10, (2, 3)), Part(0, 10, 11, (4,))]


def test_words_that_share_a_token_are_one_part() -> None:
    text = "我被收了"
    parts, _ = parts_of(text, spans((0, 1), (1, 3), (2, 3), (3, 4)), most=64)
    assert shown(text, parts) == ["我", "被收", "了"]
    assert [part.tokens for part in parts] == [(0,), (1, 2), (3,)]


def test_a_token_for_the_blank_before_a_word_is_of_that_word() -> None:
    parts, _ = parts_of("a bc", spans((0, 1), (1, 4)), most=64)
    assert [(part.start, part.end) for part in parts] == [(0, 1), (2, 4)]


def test_words_without_a_token_are_no_part() -> None:
    assert shown("a \u200f b c", parts_of("a \u200f b c", spans((0, 1), (4, 5)), most=64)[0]) == ["a", "b"]


@pytest.mark.parametrize(("most", "size", "count"), [(64, 1, 10), (10, 1, 10), (9, 2, 5), (4, 3, 4), (1, 10, 1)])
def test_words_of_long_texts_are_grouped(most: int, size: int, count: int) -> None:
    text = "a " * 10
    parts, words = parts_of(text, spans(*((place, place + 1) for place in range(0, 20, 2))), most=most)
    assert (words, len(parts)) == (size, count)
    assert [token for part in parts for token in part.tokens] == list(range(10))


def test_the_words_of_both_texts_of_a_pair_are_parts() -> None:
    text: Text = ("a b c", "d e")
    both = [*spans((0, 1), (2, 3), (4, 5)), None, *spans((0, 1), (2, 3), of=1)]
    parts, _ = parts_of(text, both, most=64)
    assert [(part.of, part.tokens) for part in parts] == [(0, (0,)), (0, (1,)), (0, (2,)), (1, (4,)), (1, (5,))]
    grouped, size = parts_of(text, both, most=3)
    assert (size, [(part.of, part.start, part.end) for part in grouped]) == (2, [(0, 0, 3), (0, 4, 5), (1, 0, 3)])
    assert len(parts_of(text, both, most=1)[0]) == 2


def test_a_part_is_left_out_with_its_token_types() -> None:
    encoded = Encoded([1, 7, 8, 2, 9], truncated=True, types=[0, 0, 0, 0, 1])
    assert without(encoded, Part(0, 0, 5, (1, 4))) == Encoded([1, 8, 2], truncated=True, types=[0, 0, 0])


def test_a_row_for_each_part_is_as_the_text_without_it(tiny_package: Path) -> None:
    engine = Engine(tiny_package, threads=1)
    occluded = occlude(engine, "my invoice is wrong", most=64)
    shorter = engine.encode(["invoice is wrong", "my is wrong", "my invoice wrong", "my invoice is"])
    assert [row.ids for row in occluded.rows] == [row.ids for row in shorter]


def test_no_row_is_without_tokens() -> None:
    assert occlude(Letters(), "a", most=64).rows == []  # type: ignore[arg-type]  # all that is used of an engine


@pytest.mark.parametrize(("words", "parts"), [(10, 10), (100, 50), (128, 64), (500, 16), (2_000, 8)])
def test_a_text_with_more_tokens_has_fewer_parts(words: int, parts: int) -> None:
    occluded = occlude(Letters(), "a " * words, most=64)  # type: ignore[arg-type]  # all that is used of an engine
    assert len(occluded.rows) == parts
    assert sum(row.tokens for row in occluded.rows) <= max(MOST_TOKENS, FEWEST_PARTS * words)


@pytest.mark.parametrize("text", ["word " * 4_000, "x" * 20_000, "我" * 20_000, "!" * 20_000, "😡 " * 10_000])
def test_a_very_long_text_has_few_parts(tiny_package: Path, text: str) -> None:
    occluded = occlude(Engine(tiny_package, threads=1), text, most=16)
    assert 1 <= len(occluded.rows) <= 16
    assert all(row.tokens < occluded.encoded.tokens for row in occluded.rows)
