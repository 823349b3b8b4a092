"""Attributions by occlusion: each word of a text is left out once (Li et al. 2016, arXiv 1612.08220).

Words are left out as tokens, not as text: the model reads the same other tokens, at any length of the text. They are
left out and not masked: docs/decisions/0025.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count, takewhile

from core.datasets import Text
from core.engine import Encoded, Engine, TokenSpan
from core.texts.word_spans import word_spans

MOST_TOKENS = 8_192
"""In all rows of a text, as far as `FEWEST_PARTS` parts allow it."""
FEWEST_PARTS = 8


@dataclass(frozen=True)
class Part:
    """Words left out together: characters from `start` up to `end` of the text, or of one text of a pair (`of`).

    `tokens`: positions of their tokens.
    """

    of: int
    start: int
    end: int
    tokens: tuple[int, ...]


@dataclass(frozen=True)
class Occluded:
    """A text as the engine reads it, and its parts; `rows`: its tokens without each of them."""

    text: Text
    encoded: Encoded
    parts: list[Part]
    words_per_part: int

    @property
    def rows(self) -> list[Encoded]:
        return [without(self.encoded, part) for part in self.parts]


def occlude(engine: Engine, text: Text, *, most: int) -> Occluded:
    """`most`: see `parts_of`; of a text with many tokens, fewer. Raises `InputDoesNotFit`."""
    encoded, spans = engine.encode_with_spans(text)
    most = min(most, max(FEWEST_PARTS, MOST_TOKENS // max(1, encoded.tokens)))
    parts, size = parts_of(text, spans, most=most)
    # A row without any token cannot be answered: one word, and a tokenizer that adds no tokens.
    return Occluded(text, encoded, [part for part in parts if len(part.tokens) < encoded.tokens], size)


def parts_of(text: Text, spans: Sequence[TokenSpan | None], *, most: int) -> tuple[list[Part], int]:
    """At most `most` parts of what the model reads of a text, in order, and how many words a part has.

    A part has one word, or as many as needed for so few parts. Words that share a token are one word.
    """
    texts = [text] if isinstance(text, str) else list(text)
    words = [_words(each, spans, of) for of, each in enumerate(texts)]
    size = next(size for size in count(1) if sum(-(-len(each) // size) for each in words) <= max(most, len(words)))
    return [_together(group) for each in words for group in _groups(each, size)], size


def without(encoded: Encoded, part: Part) -> Encoded:
    """The tokens of a text without those of a part."""
    left_out = frozenset(part.tokens)
    kept = [place for place in range(encoded.tokens) if place not in left_out]
    types = None if encoded.types is None else [encoded.types[place] for place in kept]
    return Encoded([encoded.ids[place] for place in kept], encoded.truncated, types, encoded.all_unknown)


def _words(text: str, spans: Sequence[TokenSpan | None], of: int) -> list[Part]:
    tokens = [(place, span) for place, span in enumerate(spans) if span is not None and span.of == of]
    read = max((span.end for _, span in tokens), default=0)
    words = list(takewhile(lambda word: word.start < read, word_spans(text)))
    word_at = [-1] * read
    for number, word in enumerate(words):
        end = min(word.end, read)
        word_at[word.start : end] = [number] * (end - word.start)
    first_of = list(range(len(words)))  # the first word of those that share tokens with a word
    found: dict[int, list[int]] = {}
    last: dict[int, int] = {}
    for place, span in tokens:
        touched = [number for number in word_at[span.start : span.end] if number >= 0]
        if touched:
            first = first_of[touched[0]]
            first_of[touched[0] : touched[-1] + 1] = [first] * (touched[-1] + 1 - touched[0])
            found.setdefault(first, []).append(place)
            last[first] = max(last.get(first, 0), touched[-1])
    return [Part(of, words[first].start, words[last[first]].end, tuple(found[first])) for first in sorted(found)]


def _groups(words: Sequence[Part], size: int) -> Iterator[Sequence[Part]]:
    for start in range(0, len(words), size):
        yield words[start : start + size]


def _together(words: Sequence[Part]) -> Part:
    return Part(words[0].of, words[0].start, words[-1].end, tuple(token for word in words for token in word.tokens))
