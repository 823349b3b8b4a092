"""The events that wait for one client."""

from __future__ import annotations

import asyncio

# Events that a client may be behind. Then it is cut off, and goes on from its last one when it connects again.
MAX_BEHIND = 200


class Stream:
    """`model` None: the events of all models. `is_listening`: events are put; before, they come from the ledger."""

    def __init__(self, model: str | None) -> None:
        self.model = model
        self.is_listening = False
        self._waiting: asyncio.Queue[bytes | None] = asyncio.Queue(MAX_BEHIND)

    def wants(self, model: str | None) -> bool:
        """`model` None: an event about all of them."""
        return self.is_listening and (model is None or self.model in (None, model))

    def put(self, written: bytes) -> None:
        if self._waiting.full():
            self.end()
        else:
            self._waiting.put_nowait(written)

    def end(self) -> None:
        while not self._waiting.empty():
            self._waiting.get_nowait()
        self._waiting.put_nowait(None)

    async def next(self, timeout_s: float) -> bytes | None:
        """The next event; None at the end. Raises `TimeoutError`."""
        async with asyncio.timeout(timeout_s):
            return await self._waiting.get()
