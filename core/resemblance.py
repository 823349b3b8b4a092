"""Names of labels that probably mean another label, or none: spellings of a known one, numbers, empty values."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from itertools import combinations

from core.labels import INVISIBLE

# Below this length names that differ by a letter are often different words, such as "bug" and "bus".
_MIN_LENGTH = 4
_NUMBER = re.compile(r"[-+]?(\d+([.,]\d*)?|[.,]\d+)(e[-+]?\d+)?%?", re.IGNORECASE)
_PUNCTUATION = " .,;:!?'\"`´‘’“”()[]<>"
_NOTHING = {
    *("nan", "none", "null", "n/a", "na", "undefined", "-", "?", "true", "false"),
    *("\\n", "#n/a", "#na", "#ref!", "#value!", "#name?", "<na>", "(blank)"),
}


def folded(name: str) -> str:
    """The name without case, blanks, "_", "-", format characters and outer punctuation, in Unicode's NFKC.

    >>> folded("Data_Privacy "), folded("'data-\u200bprivacy'.")
    ('dataprivacy', 'dataprivacy')
    """
    letters = unicodedata.normalize("NFKC", name).casefold().strip(_PUNCTUATION)
    return "".join(mark for mark in letters if not (mark in "_-" or unicodedata.category(mark) in INVISIBLE))


def resembles(name: str, other: str) -> bool:
    """Whether two different names differ by case, blanks, "_", "-", one letter, or two neighbours swapped.

    >>> resembles("Billing", "billing"), resembles("bilings", "billing"), resembles("international_affair",
    ...     "international_affairs"), resembles("bliling", "billing"), resembles("class_1", "class_2")
    (True, False, True, True, False)
    """
    if name == other:
        return False
    one, two = sorted((folded(name), folded(other)), key=len)
    return one == two or (len(two) >= _MIN_LENGTH and _differ_by_a_letter(one, two))


def _differ_by_a_letter(shorter: str, longer: str) -> bool:
    start = next((place for place, pair in enumerate(zip(shorter, longer, strict=False)) if pair[0] != pair[1]), None)
    start = len(shorter) if start is None else start
    rest, other = shorter[start:], longer[start:]
    if len(shorter) + 1 == len(longer):
        return other[1:] == rest and other[0].isalpha()
    if len(shorter) != len(longer) or not (rest[0].isalpha() and other[0].isalpha()):
        return False
    return rest[1:] == other[1:] or (rest[:2] == other[1::-1] and rest[2:] == other[2:] and rest[1].isalpha())


class NameIndex:
    """Finds names that resemble another one without comparing all pairs.

    >>> index = NameIndex(["bug", "billing"])
    >>> index.nearest("BILLING"), index.nearest("refund"), index.nearest("billing")
    ('billing', None, None)
    """

    def __init__(self, names: Iterable[str] = ()) -> None:
        self.names: set[str] = set()
        self._by_key: dict[int, list[str]] = {}
        for name in names:
            self.add(name)

    def add(self, name: str) -> None:
        if name not in self.names:
            self.names.add(name)
            for key in _keys(name):
                self._by_key.setdefault(key, []).append(name)

    def nearest(self, name: str) -> str | None:
        """The name of the index that the name resembles, the nearest first; None for a name of the index."""
        if name in self.names:
            return None
        candidates = {other for key in _keys(name) for other in self._by_key.get(key, ())}
        similar = sorted((folded(other) != folded(name), other) for other in candidates if resembles(name, other))
        return similar[0][1] if similar else None

    def pairs(self) -> Iterator[tuple[str, str]]:
        """All pairs of names that resemble each other, in alphabetical order."""
        candidates = {pair for group in self._by_key.values() for pair in combinations(sorted(group), 2)}
        return (pair for pair in sorted(candidates) if resembles(*pair))


def _keys(name: str) -> set[int]:
    """Names that resemble each other have one of these in common: those of a letter less are equal."""
    short = folded(name)
    letters = [place for place, mark in enumerate(short) if mark.isalpha()] if len(short) >= _MIN_LENGTH else []
    return {hash(short), *(hash(short[:place] + short[place + 1 :]) for place in letters)}


def is_no_name(name: str) -> bool:
    """Whether a label looks like a score or an empty value. Whole numbers are names of classes in many data sets.

    >>> [is_no_name(name) for name in ("0.4558", "nan", "12", "billing", "[]", "93%")]
    [True, True, False, False, True, True]
    """
    if name.isdecimal():
        return False
    return name.casefold() in _NOTHING or bool(_NUMBER.fullmatch(name)) or not any(map(str.isalnum, name))
