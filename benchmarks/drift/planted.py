"""Changes that are planted in texts."""

from __future__ import annotations

import random
from collections.abc import Callable
from string import ascii_lowercase


def with_typos(text: str, chance: random.Random, *, share: float = 0.2) -> str:
    """One typing error in a share of the words: letters swapped, left out, added or wrong."""
    return " ".join(_typo(word, chance) if chance.random() < share else word for word in text.split())


def _typo(word: str, chance: random.Random) -> str:
    place = chance.randrange(max(len(word) - 1, 1))
    letter = chance.choice(ascii_lowercase)
    return chance.choice(
        [
            word[:place] + word[place + 1 : place + 2] + word[place : place + 1] + word[place + 2 :],
            word[:place] + word[place + 1 :],
            word[:place] + letter + word[place:],
            word[:place] + letter + word[place + 1 :],
        ]
    )


def in_html(text: str, chance: random.Random) -> str:
    return f'<div class="message"><p style="margin:0">{text}</p><br></div>'


TEXT_PLANTS: dict[str, Callable[[str, random.Random], str]] = {"typos": with_typos, "html": in_html}
