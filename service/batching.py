"""Texts of many requests in one engine call: by token budget and length, without waiting.

One thread calls the engine. While it works, texts queue up; when it is idle, the next text starts at
once, so batches grow with the load and a lone request never waits for company.
"""

from __future__ import annotations

import asyncio
import logging
import math
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from core.engine import Encoded, Engine, Outputs
from service.refusals import NotReady, Overloaded
from service.requests import ItemError

MAX_ROWS = 64
ENGINE_FAILED = ItemError("engine_failed", "The engine could not answer this text. Change it or leave it out.")
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class BatchFacts:
    """One engine call: rows, tokens of the texts, tokens with the padding, and its time."""

    rows: int
    tokens: int
    padded_tokens: int
    seconds: float


@dataclass(eq=False, slots=True)
class Call:
    """What one request waits for."""

    loop: asyncio.AbstractEventLoop
    done: asyncio.Future[None]
    results: list[Outputs | ItemError]
    missing: int
    abandoned: bool = False


@dataclass(eq=False, slots=True)
class Item:
    call: Call
    position: int
    engine: Engine
    encoded: Encoded


class Batcher:
    """The queue before the engine, and the thread behind it."""

    def __init__(
        self, *, max_batch_tokens: int, max_queue_items: int, on_batch: Callable[[BatchFacts], None] = lambda _: None
    ) -> None:
        self._max_batch_tokens = max_batch_tokens
        self._max_queue_items = max_queue_items
        self._on_batch = on_batch
        self._waiting: list[Item] = []
        self._changed = threading.Condition()
        self._closed = False
        self._rows_per_s = 100.0
        self._thread = threading.Thread(target=self._run, name="engine", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """Answer what waits, then end the thread."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join()

    @property
    def is_alive(self) -> bool:
        return self._thread.is_alive()

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    async def answer(self, engine: Engine, encoded: Sequence[Encoded]) -> list[Outputs | ItemError]:
        """An answer or an error for each text, in order; raises `Overloaded` when the queue is full, and
        `NotReady` once closed.
        """
        if not encoded:
            return []
        loop = asyncio.get_running_loop()
        call = Call(loop, loop.create_future(), [ENGINE_FAILED] * len(encoded), len(encoded))
        self._enqueue([Item(call, position, engine, item) for position, item in enumerate(encoded)])
        try:
            await call.done
        finally:
            call.abandoned = not call.done.done() or call.done.cancelled()
        return call.results

    def _enqueue(self, items: list[Item]) -> None:
        with self._changed:
            if self._closed:
                raise NotReady("the server is stopping")
            waiting = len(self._waiting)
            # A request larger than the whole queue is let in when nobody waits, else it never would be.
            if waiting and waiting + len(items) > self._max_queue_items:
                raise Overloaded(waiting, max(1, math.ceil(waiting / self._rows_per_s)))
            self._waiting.extend(items)
            self._changed.notify()

    def _run(self) -> None:
        while batch := self._next_batch():
            for call in self._answered(batch):
                call.loop.call_soon_threadsafe(_finish, call)

    def _next_batch(self) -> list[Item]:
        """The oldest text and those like it that fit; empty when there will be no more."""
        with self._changed:
            while True:
                self._waiting = [item for item in self._waiting if not item.call.abandoned]
                if self._waiting:
                    batch = alike(self._waiting, max_tokens=self._max_batch_tokens)
                    taken = set(map(id, batch))
                    self._waiting = [item for item in self._waiting if id(item) not in taken]
                    return batch
                if self._closed:
                    return []
                self._changed.wait()

    def _answered(self, batch: list[Item]) -> list[Call]:
        """Fill in the results of a batch; the calls that miss nothing more."""
        started = time.monotonic()
        for item, result in zip(batch, infer_each([item.encoded for item in batch], batch[0].engine), strict=True):
            item.call.results[item.position] = result
            item.call.missing -= 1
        self._measure(batch, time.monotonic() - started)
        return [call for call in {id(item.call): item.call for item in batch}.values() if call.missing == 0]

    def _measure(self, batch: list[Item], seconds: float) -> None:
        lengths = [item.encoded.tokens for item in batch]
        self._rows_per_s += 0.1 * (len(batch) / max(seconds, 1e-6) - self._rows_per_s)
        self._on_batch(BatchFacts(len(batch), sum(lengths), len(batch) * max(lengths), seconds))


def alike(waiting: Sequence[Item], *, max_tokens: int) -> list[Item]:
    """The oldest item, then in their order others of its engine and about its length, within the budget."""
    oldest = waiting[0]
    low, high = _band(oldest.encoded.tokens)
    batch, longest = [oldest], oldest.encoded.tokens
    for item in waiting[1:]:
        tokens = item.encoded.tokens
        if item.engine is not oldest.engine or not low <= tokens <= high:
            continue
        if max(longest, tokens) * (len(batch) + 1) > max_tokens or len(batch) == MAX_ROWS:
            break
        batch.append(item)
        longest = max(longest, tokens)
    return batch


def _band(tokens: int) -> tuple[float, float]:
    """Lengths that may share a batch: within half as much again, or 8 tokens.

    >>> _band(4), _band(60)
    ((-4, 12), (40.0, 90.0))
    """
    return min(tokens / 1.5, tokens - 8), max(tokens * 1.5, tokens + 8)


def infer_each(batch: Sequence[Encoded], engine: Engine) -> list[Outputs | ItemError]:
    """One engine call; should it fail, one a text, so that only the text that breaks it has an error."""
    try:
        outputs = engine.infer(batch)
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # native libraries raise what does not derive from Exception
        logger.warning("An engine call over %d texts failed: %s", len(batch), type(error).__name__)
        if len(batch) == 1:
            return [ENGINE_FAILED]
        return [result for encoded in batch for result in infer_each([encoded], engine)]
    return [outputs.row(row) for row in range(len(batch))]


def _finish(call: Call) -> None:
    if not call.done.done():
        call.done.set_result(None)
