"""Dynamic batching: texts of many requests share one engine call.

One thread calls the engine. Texts that arrive during a call wait in a queue, so batches grow with the load. An idle
engine starts at once, without waiting for more texts. For a single short text the event loop calls the idle engine
itself, because switching to the thread and back takes 0.3 ms.

Background texts (of explanations) have a queue of their own. They are answered in small calls while no other text
comes, else in a small share of the time (`service.answering.pacing`).
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
from queue import Empty, SimpleQueue

from core.config import ServiceConfig
from core.engine import Encoded, Engine
from service.answering.items import ItemError
from service.answering.length_buckets import EngineResult, LengthBuckets, PendingRequest, QueuedText
from service.answering.pacing import Pacing
from service.answering.throughput import Throughput
from service.refusals import Overloaded, Stopping

ENGINE_FAILED = ItemError("engine_failed", "The engine could not answer this text. Change it or leave it out.")
ENDED = ItemError("not_ready", "The server is stopping. Send this again.")
# An engine call that takes longer is considered to hang.
STUCK_S = 60.0
CLOSE_S = 10.0
# The longest expected time of an engine call on the event loop.
MAX_INLINE_S = 0.005
# Padded tokens in an engine call with background texts: other texts wait for its end.
BACKGROUND_TOKENS = 128
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class BatchFacts:
    """One engine call. `tokens`: without padding. `padded_tokens`: with padding."""

    rows: int
    tokens: int
    padded_tokens: int
    seconds: float


class Batcher:
    """The queue for the engine and the thread that calls it. All calls of `answer` must come from one event loop."""

    def __init__(
        self,
        settings: ServiceConfig,
        *,
        max_inline_s: float = MAX_INLINE_S,
        on_batch: Callable[[BatchFacts], None] = lambda _: None,
        on_waits: Callable[[Sequence[float]], None] = lambda _: None,
    ) -> None:
        """A single text is answered on the event loop if that is expected to take at most `max_inline_s`.

        `on_waits` gets the seconds that each text of an engine call has waited, `on_batch` the facts of the call.
        """
        self._max_queue_items = settings.max_queue_items
        self._max_queue_s = settings.max_queue_s
        self._max_inline_s = max_inline_s
        self._on_batch = on_batch
        self._on_waits = on_waits
        # Texts that arrived in this iteration of the event loop, and texts that the thread has not yet received.
        self._arrived: list[QueuedText] = []
        self._arrivals: SimpleQueue[list[QueuedText] | None] = SimpleQueue()
        self._buckets = LengthBuckets(max_tokens=settings.max_batch_tokens)
        self._background = LengthBuckets(max_tokens=min(BACKGROUND_TOKENS, settings.max_batch_tokens))
        self._pacing = Pacing()
        self._closed = self._ended = False
        # Only the event loop writes these counts; only the engine's thread writes `items_out` and `work_out_s`. Texts
        # of a cancelled request are subtracted at once; the lock prevents that the thread also counts them.
        self._items_in, self._work_in_s = 0, 0.0
        self._count_lock = threading.Lock()
        self._throughput = Throughput()
        # Total time of all engine calls.
        self.worked_s = 0.0
        self._call_began: float | None = None
        self._thread = threading.Thread(target=self._run, name="engine", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """Answer the waiting texts, then end the thread."""
        self._closed = True
        self._arrivals.put(None)
        self._thread.join(CLOSE_S)  # a call that hangs must not prevent the last writes to the ledger

    @property
    def is_alive(self) -> bool:
        began = self._call_began
        return self._thread.is_alive() and (began is None or time.monotonic() - began < STUCK_S)

    @property
    def waiting(self) -> int:
        """Number of texts that wait for the engine."""
        return self._items_in - self._buckets.items_out

    @property
    def wait_s(self) -> float:
        """Expected engine time of the waiting texts, from the throughput measured when each arrived."""
        return self._work_in_s - self._buckets.work_out_s

    def retry_after_s(self, items: int = 1) -> int | None:
        """None if the queue has room for `items` more texts, else the whole seconds until it is empty."""
        waiting = self.waiting
        # An empty queue takes any request: one larger than the queue could never be answered otherwise.
        if not waiting or (waiting + items <= self._max_queue_items and self.wait_s <= self._max_queue_s):
            return None
        return max(1, math.ceil(self.wait_s))

    async def answer(self, engine: Engine, encoded: Sequence[Encoded]) -> list[EngineResult]:
        """The outputs or an error for each text, in order.

        If the caller is cancelled, its waiting texts are dropped. Raises `Overloaded` or `Stopping`.
        """
        if not encoded:
            return []
        if self._closed:
            raise Stopping
        if (retry_after_s := self.retry_after_s(len(encoded))) is not None:
            raise Overloaded(retry_after_s)
        items = self._queued(engine, encoded)
        request = items[0].request
        self._items_in += request.queued
        self._work_in_s += request.queued_s
        if not self._arrived:
            asyncio.get_running_loop().call_soon(self._dispatch)
        self._arrived += items
        try:
            await request.done
        finally:
            self._end(request)
        return request.results

    async def answer_in_background(self, engine: Engine, encoded: Sequence[Encoded]) -> list[EngineResult]:
        """As `answer`, in the time that the texts of `answer` leave; never refused as `Overloaded`."""
        if not encoded:
            return []
        if self._closed:
            raise Stopping
        items = self._queued(engine, encoded, is_background=True)
        request = items[0].request
        self._arrivals.put(items)
        try:
            await request.done
        finally:
            request.is_over = True
        return request.results

    def _queued(self, engine: Engine, encoded: Sequence[Encoded], *, is_background: bool = False) -> list[QueuedText]:
        count, per_s = len(encoded), self._throughput.tokens_per_s(engine)
        seconds = [item.tokens / per_s for item in encoded]
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        results: list[EngineResult] = [ENGINE_FAILED] * count
        request = PendingRequest(done, time.monotonic(), results, count, count, sum(seconds), is_background)
        return [
            QueuedText(request, place, engine, item, item.tokens, expected_s)
            for place, (item, expected_s) in enumerate(zip(encoded, seconds, strict=True))
        ]

    def _end(self, request: PendingRequest) -> None:
        if not request.queued:
            request.is_over = True
            return
        with self._count_lock:
            request.is_over = True
            self._items_in -= request.queued
            self._work_in_s -= request.queued_s

    def _dispatch(self) -> None:
        """Runs after all requests of one iteration of the event loop have arrived, so that they share a call."""
        items, self._arrived = self._arrived, []
        if not self._closed and not self._can_answer_inline(items):
            self._arrivals.put(items)
            return
        for item in items:
            if not item.request.is_over:
                self._items_in -= 1
                self._work_in_s -= item.expected_s
                item.leave_queue()
                _deliver([item], self._infer([item]))

    def _can_answer_inline(self, items: Sequence[QueuedText]) -> bool:
        is_idle = self._call_began is None and self.waiting == len(items) == 1
        if not is_idle or items[0].request.is_over or not self._throughput.is_measured(items[0].engine):
            return False
        return items[0].expected_s <= self._max_inline_s

    def _run(self) -> None:
        while self._receive():
            self._call_began = time.monotonic()
            is_background = self._may_answer_background(self._call_began)
            with self._count_lock:
                batch = (self._background if is_background else self._buckets).next_batch(self._call_began)
            results = self._infer(batch, is_background=is_background) if batch else []
            # Set before the results are delivered: a client's next request must already see an idle engine.
            self._call_began = None
            if batch:
                _deliver_soon(batch, results)
        while batch := self._background.next_batch(time.monotonic()):
            _deliver_soon(batch, [ENDED] * len(batch))

    def _receive(self) -> bool:
        """Sort new texts into buckets, and wait until some may be answered. False when the batcher has ended."""
        while not self._ended:
            wait_s = self._wait_s()
            if wait_s == 0.0 and self._arrivals.empty():
                break
            with suppress(Empty):
                items = self._arrivals.get(timeout=wait_s)
                self._ended = items is None
                for item in items or ():
                    (self._background if item.request.is_background else self._buckets).add(item)
        return not self._ended or bool(self._buckets)

    def _wait_s(self) -> float | None:
        """Seconds until a queued text may be answered; None if there is none."""
        if self._buckets:
            return 0.0
        return self._pacing.wait_s(time.monotonic()) if self._background else None

    def _may_answer_background(self, now: float) -> bool:
        if self._ended or not self._background:
            return False
        return self._pacing.is_due(now) if self._buckets else self._pacing.wait_s(now) == 0.0

    def _infer(self, batch: list[QueuedText], *, is_background: bool = False) -> list[EngineResult]:
        started = time.monotonic()
        if not is_background:
            self._on_waits([started - item.request.arrived for item in batch])
        results = infer_each([item.encoded for item in batch], batch[0].engine)
        ended = time.monotonic()
        if is_background:
            self._pacing.answered_background(ended, ended - started)
        else:
            self._pacing.answered(ended)
        seconds = ended - started
        lengths = [item.tokens for item in batch]
        padded = len(batch) * max(lengths)
        self._throughput.add(batch[0].engine, padded / max(seconds, 1e-6))
        self.worked_s += seconds
        self._on_batch(BatchFacts(len(batch), sum(lengths), padded, seconds))
        return results


def infer_each(batch: Sequence[Encoded], engine: Engine) -> list[EngineResult]:
    """One engine call. If it fails, one call for each text, so that only the text that fails gets an error."""
    try:
        outputs = engine.infer(batch)
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # panics of native libraries do not derive from Exception
        logger.warning("An engine call over %d texts failed: %s", len(batch), type(error).__name__)
        if len(batch) == 1:
            return [ENGINE_FAILED]
        return [result for encoded in batch for result in infer_each([encoded], engine)]
    return [outputs.row(row) for row in range(len(batch))]


def _deliver_soon(batch: Sequence[QueuedText], results: Sequence[EngineResult]) -> None:
    with suppress(RuntimeError):  # the event loop has ended, so no request waits
        batch[0].request.done.get_loop().call_soon_threadsafe(_deliver, batch, results)


def _deliver(batch: Sequence[QueuedText], results: Sequence[EngineResult]) -> None:
    for item, result in zip(batch, results, strict=True):
        request = item.request
        request.results[item.position] = result
        request.unanswered -= 1
        if not request.unanswered and not request.done.done():
            request.done.set_result(None)
