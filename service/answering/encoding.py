"""Texts to tokens, so that a text that the tokenizer cannot take fails alone."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from core.datasets import Text
from core.engine import Encoded, Engine
from service.answering.requests import ItemError

NOT_ENCODABLE = ItemError("invalid_text", "The tokenizer cannot read this text. Change it or leave it out.")
# Below this the event loop tokenizes by itself (about 2 ms); a thread would cost more than it frees.
INLINE_CHARS = 10_000


async def encode(engine: Engine, texts: Sequence[Text], *, rejects_long: bool = False) -> list[Encoded | ItemError]:
    """Each text's tokens, or its error, in order; too many tokens are cut off, or an error with `rejects_long`."""
    if sum(map(_chars, texts)) <= INLINE_CHARS:
        encoded = encode_each(engine, texts)
    else:
        encoded = await asyncio.to_thread(encode_each, engine, texts)
    if not rejects_long:
        return encoded
    too_long = ItemError("text_too_long", f"The text has more than {engine.facts.max_length} tokens. Shorten it.")
    return [too_long if isinstance(item, Encoded) and item.truncated else item for item in encoded]


def _chars(text: Text) -> int:
    return len(text) if isinstance(text, str) else len(text[0]) + len(text[1])


def encode_each(engine: Engine, texts: Sequence[Text]) -> list[Encoded | ItemError]:
    if not texts:
        return []
    try:
        return list(engine.encode(texts))
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException:  # the tokenizer's panics do not derive from Exception
        if len(texts) == 1:
            return [NOT_ENCODABLE]
        return [result for text in texts for result in encode_each(engine, [text])]
