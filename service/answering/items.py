"""Checks and tokenizes the items of a request one by one: an item with an error does not affect the others.

Error messages never contain a user's text.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from core.datasets import Text
from core.engine import Encoded, Engine
from service.fields import kind_of


@dataclass(frozen=True)
class ItemError:
    """The reason why one item of a request has no prediction."""

    code: str
    message: str


NOT_ENCODABLE = ItemError("invalid_text", "The tokenizer cannot read this text. Change it or leave it out.")
# Up to this size the event loop itself tokenizes (about 2 ms): a thread would cost more time than it saves.
INLINE_CHARS = 10_000


def checked_input(item: object, *, max_chars: int, is_paired: bool) -> Text | ItemError:
    """The item as a text or a pair of texts, or the reason why it cannot be answered."""
    if not is_paired:
        return _checked_text(item, max_chars)
    if not isinstance(item, list) or len(item) != 2:
        found = f"{len(item)} entries" if isinstance(item, list) else kind_of(item)
        message = f'The model answers pairs and the item is {found}. Send a list of two strings: ["first", "second"].'
        return ItemError("invalid_text", message)
    first, second = (_checked_text(part, max_chars) for part in item)
    if isinstance(first, ItemError):
        return first
    return second if isinstance(second, ItemError) else (first, second)


def _checked_text(text: object, max_chars: int) -> str | ItemError:
    if isinstance(text, ItemError):  # the protocol's parser could not read it
        return text
    if not isinstance(text, str):
        return ItemError("invalid_text", f"The item is {kind_of(text)}. Send a string.")
    if not text.strip():
        return ItemError("empty_text", "The text is empty. Send at least one word.")
    if len(text) > max_chars:
        return ItemError("text_too_long", f"The text has {len(text)} characters. Send at most {max_chars}.")
    if "\0" in text:
        return ItemError("invalid_text", "The text holds a NUL character. Remove it.")
    return text


async def encode(engine: Engine, texts: Sequence[Text], *, rejects_long: bool = False) -> list[Encoded | ItemError]:
    """The tokens or the error of each text, in order. Too long texts are truncated, or an error if `rejects_long`."""
    if sum(map(chars_of, texts)) <= INLINE_CHARS:
        encoded = encode_each(engine, texts)
    else:
        encoded = await asyncio.to_thread(encode_each, engine, texts)
    if not rejects_long:
        return encoded
    too_long = ItemError("text_too_long", f"The text has more than {engine.facts.max_length} tokens. Shorten it.")
    return [too_long if isinstance(item, Encoded) and item.truncated else item for item in encoded]


def chars_of(text: Text) -> int:
    return len(text) if isinstance(text, str) else len(text[0]) + len(text[1])


def encode_each(engine: Engine, texts: Sequence[Text]) -> list[Encoded | ItemError]:
    if not texts:
        return []
    try:
        return list(engine.encode(texts))
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException:  # panics of the tokenizer do not derive from Exception
        if len(texts) == 1:
            return [NOT_ENCODABLE]
        return [result for text in texts for result in encode_each(engine, [text])]
