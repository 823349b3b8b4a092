"""What a text looks like, whatever it means: its words, language, script, markup and faults of its encoding."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from core.datasets import Text
from core.texts.languages import language_of
from core.texts.personal_data import PLACEHOLDERS, redacted
from core.texts.scripts import letters_by_script, main_script, script_of

_MARKUP = re.compile(r"</?[a-z][^<>]{0,500}>|&(?:[a-z]{2,8}|#\d{1,6});", re.IGNORECASE)
_LINK = re.compile(r"https?://\S+|www\.\S+|" + "|".join(re.escape(mark) for mark in PLACEHOLDERS.values()))
_FAULTY = re.compile("[\ufffd\x80-\x9f]|[ÂÃ][\x80-\xbf]|â€|[\x00-\x08\x0e-\x1f]")
"""The replacement character, control characters, and UTF-8 that was read as Latin-1 or Windows-1252."""
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")
_WITHOUT_BLANKS = {"Han", "Japanese", "Thai", "Lao", "Khmer", "Myanmar"}
"""Scripts that write no blanks between words: a pair of characters stands for a word."""


@dataclass(frozen=True)
class TextForm:
    """`words`: in order, in lower case, without markup, links, numbers and personal data; `script`, `language`: "" if
    unclear.
    """

    words: tuple[str, ...]
    script: str
    language: str
    has_markup: bool
    is_faulty: bool


def form_of(text: Text) -> TextForm:
    """
    >>> form_of("<p>Wo ist meine Karte?</p>")
    TextForm(words=('wo', 'ist', 'meine', 'karte'), script='Latin', language='German', has_markup=True, is_faulty=False)
    """
    joined = text if isinstance(text, str) else "\n".join(text)
    plain = _MARKUP.sub(" ", joined)
    return TextForm(
        words=words_of(plain),
        script=main_script(letters_by_script(plain)),
        language=language_of(plain),
        has_markup=plain != joined,
        is_faulty=_FAULTY.search(joined) is not None,
    )


def words_of(text: str) -> tuple[str, ...]:
    """
    >>> words_of("Don't mail jo@example.org, see https://example.org: 東京都")
    ("don't", 'mail', 'see', '東京', '京都')
    """
    found: list[str] = []
    for word in _WORD.findall(_LINK.sub(" ", redacted(text)).lower()):
        if word.isascii() or not _is_without_blanks(word[0]):
            found.append(word)
        else:
            found += [word[place : place + 2] for place in range(max(len(word) - 1, 1))]
    return tuple(found)


@lru_cache(maxsize=10_000)
def _is_without_blanks(letter: str) -> bool:
    return script_of(letter) in _WITHOUT_BLANKS
