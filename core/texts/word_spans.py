"""The words of a text and their places, in every script."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache

from core.texts.scripts import script_of

WITHOUT_BLANKS = frozenset({"Han", "Japanese", "Thai", "Lao", "Khmer", "Myanmar"})
"""Scripts that put no blanks between words."""
JOINERS = frozenset("'\u2019-\u2010.@&/:+#")
"""Inside a word: don't, e-mail, 3.5, bob@example.com."""


@dataclass(frozen=True)
class Span:
    """Characters (code points) of a text, from `start` up to `end`, without the one at `end`."""

    start: int
    end: int


class _Kind(Enum):
    BLANK, WORD, ALONE, MARK, OTHER = range(5)


def word_spans(text: str) -> Iterator[Span]:
    """Words in order. In scripts without blanks each character is one; what is no word (!?, emoji) is one, too.

    >>> text = "Don't charge\u00a0me 3.50 twice!! 我被收"
    >>> [text[span.start : span.end] for span in word_spans(text)]
    ["Don't", 'charge', 'me', '3.50', 'twice', '!!', '我', '被', '收']
    """
    start, before = 0, _Kind.BLANK
    for place, character in enumerate(text):
        kind = _kind(character)
        if kind is _Kind.MARK:
            if before is not _Kind.BLANK:
                continue
            kind = _Kind.OTHER
        if before is _Kind.WORD and character in JOINERS and _kind(text[place + 1 : place + 2]) is _Kind.WORD:
            continue
        if kind is not before or kind is _Kind.ALONE:
            if before is not _Kind.BLANK:
                yield Span(start, place)
            start, before = place, kind
    if before is not _Kind.BLANK:
        yield Span(start, len(text))


@lru_cache(maxsize=10_000)
def _kind(character: str) -> _Kind:
    if not character or character.isspace():
        return _Kind.BLANK
    category = unicodedata.category(character)
    if category[0] == "M" or category in ("Cf", "Sk") and not character.isascii():
        return _Kind.MARK
    if category[0] not in "LN" and character != "_":
        return _Kind.OTHER
    return _Kind.ALONE if category[0] == "L" and script_of(character) in WITHOUT_BLANKS else _Kind.WORD
