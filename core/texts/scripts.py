"""The script of a text, such as Latin or Cyrillic."""

from __future__ import annotations

import unicodedata
from collections import Counter
from functools import lru_cache

_FAMILIES = {"Cjk": "Han", "Hiragana": "Japanese", "Katakana": "Japanese", "Hangul": "Korean", "Bopomofo": "Han"}


def letters_by_script(text: str) -> Counter[str]:
    """
    >>> letters_by_script("Привет, Bob!")
    Counter({'Cyrillic': 6, 'Latin': 3})
    """
    if text.isascii():
        letters = sum(map(str.isalpha, text))
        return Counter({"Latin": letters} if letters else {})
    counts = Counter(script for character in text if character.isalpha() and (script := script_of(character)))
    # Han characters next to kana are Japanese.
    if counts["Japanese"]:
        counts["Japanese"] += counts.pop("Han", 0)
    return +counts


@lru_cache(maxsize=100_000)
def script_of(character: str) -> str:
    """The script of a letter, the first word of its Unicode name; Chinese, Japanese and Korean scripts are grouped.

    >>> script_of("ж"), script_of("é"), script_of("カ")
    ('Cyrillic', 'Latin', 'Japanese')
    """
    plain = unicodedata.normalize("NFKC", character)[0]
    script = unicodedata.name(plain, "").split(" ")[0].capitalize()
    return _FAMILIES.get(script, script)


def main_script(counts: Counter[str]) -> str:
    """
    >>> main_script(Counter({"Latin": 3, "Greek": 9}))
    'Greek'
    """
    return max(counts, key=lambda script: counts[script]) if counts else ""
