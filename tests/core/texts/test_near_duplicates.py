from __future__ import annotations

import random
import time
from itertools import combinations

from core.texts.near_duplicates import GRAM_LENGTH, jaccard, near_pairs

WORDS = [f"{a}{b}{c}" for a in "bdfgk" for b in "aeiou" for c in ("lan", "rit", "mos", "tek")]


def sentences(count: int, *, seed: int = 0, words: int = 9) -> list[str]:
    rng = random.Random(seed)
    return [" ".join(rng.choices(WORDS, k=words)) for _ in range(count)]


def grams(text: str) -> frozenset[str]:
    return frozenset(text[start : start + GRAM_LENGTH] for start in range(len(text) - GRAM_LENGTH + 1))


def test_pairs_equal_those_of_a_comparison_of_all_pairs() -> None:
    texts = sentences(150)
    texts += [f"{text} {word}" for text, word in zip(texts[:60], WORDS * 2, strict=False)]
    expected = {
        (first, second)
        for first, second in combinations(range(len(texts)), 2)
        if jaccard(grams(texts[first]), grams(texts[second])) >= 0.8
    }
    found = {(pair.first, pair.second) for pair in near_pairs(texts, threshold=0.8)}
    assert len(expected) > 40
    assert found <= expected
    assert len(expected - found) <= 1  # MinHash misses one pair in thousands at this threshold


def test_different_texts_are_not_pairs() -> None:
    assert near_pairs(sentences(300), threshold=0.8) == []


def test_short_texts_are_not_compared() -> None:
    assert near_pairs(["yes!", "yes", "yes."], threshold=0.8) == []


def test_empty_input_has_no_pairs() -> None:
    assert near_pairs([], threshold=0.8) == []


def test_thousands_of_nearly_equal_texts_are_found_without_comparing_all_pairs() -> None:
    stem = "your parcel with the number was delivered to the neighbour on the ground floor at noon, code "
    texts = [f"{stem}{number:04d}" for number in range(3000)]
    started = time.process_time()
    pairs = near_pairs(texts, threshold=0.8)
    assert {pair.second for pair in pairs} == set(range(1, 3000))
    assert len(pairs) < 400_000  # of 4,498,500 possible pairs
    assert time.process_time() - started < 60
