"""Two letters for each label, with which a person chooses it by keyboard."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from itertools import product
from string import ascii_lowercase

COMMANDS = frozenset("hsux")
"""Keys that mean something else on the page for labels: no code begins with one."""
_WORD = re.compile("[a-z]+")


def codes_of(labels: Iterable[str]) -> dict[str, str]:
    """A code for each label, in the order of the labels: two letters of its name where these are free, the first ones
    of its words before others. The labels beyond the 572 codes have none.

    >>> codes_of(["card_arrival", "card_linking", "refund", "退款"])
    {'card_arrival': 'ca', 'card_linking': 'cl', 'refund': 're', '退款': 'aa'}
    """
    codes: dict[str, str] = {}
    free = dict.fromkeys(_all_codes())
    for label in labels:
        code = next((code for code in _likely(label) if code in free), next(iter(free), None))
        if code is None:
            break
        del free[code]
        codes[label] = code
    return codes


def _all_codes() -> Iterator[str]:
    return (first + second for first, second in product(ascii_lowercase, repeat=2) if first not in COMMANDS)


def _likely(label: str) -> Iterator[str]:
    """Codes of two letters of the name, the easiest to guess first."""
    words = _WORD.findall(unicodedata.normalize("NFKD", label).casefold())
    initials, letters = "".join(word[0] for word in words), "".join(words)
    yield from _pairs(initials[:1], initials[1:])
    yield from _pairs(letters[:1], letters[1:])
    yield from _pairs(initials, initials)
    yield from _pairs(letters, letters)


def _pairs(firsts: str, seconds: str) -> Iterator[str]:
    """Each of the first letters with each of the second ones; of the same string, only later ones."""
    for place, first in enumerate(firsts):
        rest = seconds[place + 1 :] if firsts is seconds else seconds
        yield from (first + second for second in rest)
