"""Texts of many requests in one engine call: by token budget and length, without waiting.

One thread calls the engine. While it works, texts queue up; when it is idle, the next text starts at
once, so batches grow with the load and a lone request never waits for company. A short text that comes
alone to an idle engine is answered on the event loop itself: two changes of thread take longer than the
loop is held up.
"""

from __future__ import annotations

import asyncio
import logging
import math
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from queue import SimpleQueue

from core.engine import Encoded, Engine
from service.answering.items import ItemError
from service.answering.length_buckets import Call, Item, Lanes, Result
from service.answering.throughput import Speeds
from service.refusals import Overloaded, Stopping

ENGINE_FAILED = ItemError("engine_failed", "The engine could not answer this text. Change it or leave it out.")
# A call that lasts longer than this will not end.
STUCK_S = 60.0
CLOSE_S = 10.0
# What a call may take on the event loop, by the speed of the calls before.
LONE_S = 0.005
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class BatchFacts:
    """One engine call: rows, tokens of the texts, tokens with the padding, and its time."""

    rows: int
    tokens: int
    padded_tokens: int
    seconds: float


class Batcher:
    """The queue before the engine, and the thread behind it. `answer` belongs to one event loop."""

    def __init__(
        self,
        *,
        max_batch_tokens: int,
        max_queue_items: int,
        max_queue_s: float = math.inf,
        lone_s: float = LONE_S,
        on_batch: Callable[[BatchFacts], None] = lambda _: None,
        on_start: Callable[[Sequence[float]], None] = lambda _: None,
    ) -> None:
        """A text that comes alone is answered on the event loop if that takes at most `lone_s`.

        `on_start` hears the seconds that each text of a call waited for it, `on_batch` what the call was.
        """
        self._max_queue_items = max_queue_items
        self._max_queue_s = max_queue_s
        self._lone_s = lone_s
        self._on_batch = on_batch
        self._on_start = on_start
        # What came in this turn of the loop, and what the thread has yet to sort.
        self._just_come: list[Item] = []
        self._arrivals: SimpleQueue[list[Item] | None] = SimpleQueue()
        self._lanes = Lanes(max_tokens=max_batch_tokens)
        self._closed = self._ended = False
        # Written by the loop only, as what has left is by the engine's thread. A call that is given up leaves at once,
        # though the thread comes upon it later: for that moment each keeps the other from counting.
        self._items_in, self._work_in_s = 0, 0.0
        self._counting = threading.Lock()
        self._speeds = Speeds()
        # By all calls so far, in seconds.
        self.worked_s = 0.0
        self._call_began: float | None = None
        self._thread = threading.Thread(target=self._run, name="engine", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """Answer what waits, then end the thread."""
        self._closed = True
        self._arrivals.put(None)
        self._thread.join(CLOSE_S)  # a call that is stuck must not keep the ledger from being written

    @property
    def is_alive(self) -> bool:
        began = self._call_began
        return self._thread.is_alive() and (began is None or time.monotonic() - began < STUCK_S)

    @property
    def waiting(self) -> int:
        """Texts that wait for the engine."""
        return self._items_in - self._lanes.items_out

    @property
    def wait_s(self) -> float:
        """Seconds until the engines have done what waits, at the speed that each had when it came."""
        return self._work_in_s - self._lanes.work_out_s

    def full_for_s(self, items: int = 1) -> int | None:
        """Whole seconds until there is room again, if so many texts more would wait too long now; else None."""
        waiting = self.waiting
        # A request larger than the whole queue is let in when nobody waits, else it never would be.
        if not waiting or (waiting + items <= self._max_queue_items and self.wait_s <= self._max_queue_s):
            return None
        return max(1, math.ceil(self.wait_s))

    def _require_room(self, items: int) -> None:
        if self._closed:
            raise Stopping
        if (seconds := self.full_for_s(items)) is not None:
            raise Overloaded(seconds)

    async def answer(self, engine: Engine, encoded: Sequence[Encoded]) -> list[Result]:
        """An answer or an error for each text, in order.

        When the caller is cancelled, what has not reached the engine never will. Raises `Overloaded` or `Stopping`.
        """
        if not encoded:
            return []
        self._require_room(len(encoded))
        loop = asyncio.get_running_loop()
        count, per_s = len(encoded), self._speeds.of(engine)
        seconds = [item.tokens / per_s for item in encoded]
        work_s = sum(seconds)
        call = Call(loop, loop.create_future(), time.monotonic(), [ENGINE_FAILED] * count, count, count, work_s)
        items = [
            Item(call, place, engine, item, item.tokens, expected_s)
            for place, (item, expected_s) in enumerate(zip(encoded, seconds, strict=True))
        ]
        self._items_in += count
        self._work_in_s += work_s
        if not self._just_come:
            loop.call_soon(self._hand_over)
        self._just_come += items
        try:
            await call.done
        finally:
            self._end(call)
        return call.results

    def _end(self, call: Call) -> None:
        if not call.waiting:
            call.over = True
            return
        with self._counting:
            call.over = True
            self._items_in -= call.waiting
            self._work_in_s -= call.waiting_s

    def _hand_over(self) -> None:
        """Once all requests of one turn of the loop have come, so that they can share a call."""
        items, self._just_come = self._just_come, []
        if not self._closed and not self._is_lone(items):
            self._arrivals.put(items)
            return
        for item in items:
            if not item.call.over:
                self._items_in -= 1
                self._work_in_s -= item.expected_s
                item.leave()
                _deliver([item], self._infer([item]))

    def _is_lone(self, items: Sequence[Item]) -> bool:
        is_idle = self._call_began is None and self.waiting == len(items) == 1
        if not is_idle or items[0].call.over or not self._speeds.knows(items[0].engine):
            return False
        return items[0].expected_s <= self._lone_s

    def _run(self) -> None:
        while self._collect():
            self._call_began = time.monotonic()
            with self._counting:
                batch = self._lanes.take(self._call_began)
            results = self._infer(batch) if batch else []
            # Before anybody hears of it: who has an answer may ask at once, and is to find the engine idle.
            self._call_began = None
            if batch:
                with suppress(RuntimeError):  # the loop has ended, and with it all who waited
                    batch[0].call.loop.call_soon_threadsafe(_deliver, batch, results)

    def _collect(self) -> bool:
        """Sort what arrived into lanes, waiting for it if there is nothing else to do; False at the end."""
        while not self._ended and (not self._lanes or not self._arrivals.empty()):
            items = self._arrivals.get()
            self._ended = items is None
            for item in items or ():
                self._lanes.add(item)
        return bool(self._lanes)

    def _infer(self, batch: list[Item]) -> list[Result]:
        started = time.monotonic()
        self._on_start([started - item.call.arrived for item in batch])
        results = infer_each([item.encoded for item in batch], batch[0].engine)
        self._measure(batch, time.monotonic() - started)
        return results

    def _measure(self, batch: list[Item], seconds: float) -> None:
        lengths = [item.tokens for item in batch]
        padded = len(batch) * max(lengths)
        self._speeds.learn(batch[0].engine, padded / max(seconds, 1e-6))
        self.worked_s += seconds
        self._on_batch(BatchFacts(len(batch), sum(lengths), padded, seconds))


def infer_each(batch: Sequence[Encoded], engine: Engine) -> list[Result]:
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


def _deliver(batch: Sequence[Item], results: Sequence[Result]) -> None:
    for item, result in zip(batch, results, strict=True):
        call = item.call
        call.results[item.position] = result
        call.missing -= 1
        if not call.missing and not call.done.done():
            call.done.set_result(None)
