"""The texts behind the examples of a check. Its record keeps ids only, so a text that was erased is not shown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import select

from core.changes import Change
from core.database import Database
from core.datasets import Text, input_of
from core.schema import predictions

SHOWN_CHARACTERS = 100


def texts_of(database: Database, changes: Sequence[Change]) -> dict[str, str]:
    """The stored text of each example of a check of traffic, by its id; without those that are not stored."""
    wanted = {example for change in changes for example in change.all_examples}
    query = select(predictions.c.id, predictions.c.text, predictions.c.pair).where(predictions.c.id.in_(wanted))
    with database.read() as connection:
        found = {row.id: in_one_line(input_of(row.text, row.pair)) for row in connection.execute(query)}
    return {example: text for example, text in found.items() if text}


def in_one_line(text: Text) -> str:
    """The beginning of a text for a line of a terminal or page.

    >>> in_one_line("too\\nmany\\x1b[2J lines"), len(in_one_line("a" * 999))
    ('too many [2J lines', 100)
    """
    parts = " | ".join(filter(None, [text] if isinstance(text, str) else text))
    printable = "".join(letter if letter.isprintable() else " " for letter in parts[: 4 * SHOWN_CHARACTERS])
    line = " ".join(printable.split())
    return line if len(line) <= SHOWN_CHARACTERS else f"{line[: SHOWN_CHARACTERS - 1]}…"


def examples_shown(examples: Iterable[str], texts: Mapping[str, str]) -> list[str]:
    """The texts of the examples that are known, in their order."""
    return [texts[example] for example in examples if example in texts]
