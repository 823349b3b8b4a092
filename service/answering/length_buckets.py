"""The waiting texts in one bucket for each version and length, and the choice of the next batch.

The time of an engine call grows with its tokens, padding included, and has a small fixed part. So texts of equal length
share a call; texts of similar length are added if their padding takes less time than another call. Batches stay small:
larger batches gain little and make later texts wait.

The next batch starts with the text that has the longest waiting time relative to its length (highest response ratio
next, Brinch Hansen 1971). Short texts overtake long ones, but no long text waits for ever.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from core.engine import Encoded, Engine, Outputs
from service.answering.items import ItemError

MAX_ROWS = 64
# Fixed cost of an engine call, in tokens: the best of 4, 8, 12 and 16, measured under load.
CALL_TOKENS = 8
EngineResult = Outputs | ItemError


@dataclass(eq=False, slots=True)
class PendingRequest:
    """A request that waits for its results. `unanswered`: number of texts without a result. `queued`: number of texts
    not yet taken out of the queue; `queued_s`: their expected engine time. `is_over`: it was answered or cancelled.
    """

    done: asyncio.Future[None]
    arrived: float
    results: list[EngineResult]
    unanswered: int
    queued: int
    queued_s: float
    is_background: bool = False
    is_over: bool = False


@dataclass(eq=False, slots=True)
class QueuedText:
    request: PendingRequest
    position: int
    engine: Engine
    encoded: Encoded
    tokens: int
    expected_s: float

    def leave_queue(self) -> None:
        self.request.queued -= 1
        self.request.queued_s -= self.expected_s


class LengthBuckets:
    """The waiting texts. `items_out` and `work_out_s`: number and expected engine time of all texts taken out, without
    the texts of cancelled requests. Not thread-safe.
    """

    def __init__(self, *, max_tokens: int) -> None:
        self._max_tokens = max_tokens
        self.items_out, self.work_out_s = 0, 0.0
        self._buckets: dict[Engine, dict[int, deque[QueuedText]]] = {}

    def __bool__(self) -> bool:
        return bool(self._buckets)

    def add(self, item: QueuedText) -> None:
        buckets = self._buckets.setdefault(item.engine, {})
        buckets.setdefault(item.tokens, deque()).append(item)

    def next_batch(self, now: float) -> list[QueuedText]:
        """Remove and return the texts of the next engine call; empty if all requests were cancelled."""
        first = self._most_urgent(now)
        if first is None:
            return []
        buckets = self._buckets[first.engine]
        batch = self._take_from(buckets, first.tokens, room=max(1, self._max_tokens // first.tokens))
        self._add_near_lengths(batch, buckets, first.tokens)
        self._drop_empty()
        return batch

    def _most_urgent(self, now: float) -> QueuedText | None:
        oldest = [item for each in self._buckets.values() for bucket in each.values() if (item := self._oldest(bucket))]
        self._drop_empty()
        return max(oldest, key=lambda item: (now - item.request.arrived) / (item.tokens + CALL_TOKENS), default=None)

    def _take_from(self, buckets: dict[int, deque[QueuedText]], tokens: int, *, room: int) -> list[QueuedText]:
        bucket, taken = buckets[tokens], list[QueuedText]()
        while bucket and len(taken) < min(room, MAX_ROWS):
            item = self._pop(bucket)
            if not item.request.is_over:
                taken.append(item)
        return taken

    def _oldest(self, bucket: deque[QueuedText]) -> QueuedText | None:
        """The bucket's oldest text; texts of cancelled requests before it are dropped."""
        while bucket and bucket[0].request.is_over:
            self._pop(bucket)
        return bucket[0] if bucket else None

    def _pop(self, bucket: deque[QueuedText]) -> QueuedText:
        item = bucket.popleft()
        if not item.request.is_over:
            self.items_out += 1
            self.work_out_s += item.expected_s
            item.leave_queue()
        return item

    def _add_near_lengths(self, batch: list[QueuedText], buckets: dict[int, deque[QueuedText]], longest: int) -> None:
        """Add all texts of a bucket with a similar length if the padding takes less time than another engine call."""
        for tokens in _nearest_lengths(longest, buckets):
            joining = len(buckets[tokens])
            if tokens > longest:
                padding, width = len(batch) * (tokens - longest), tokens
            else:
                padding, width = joining * (longest - tokens), longest
            rows = len(batch) + joining
            if padding <= CALL_TOKENS and rows <= MAX_ROWS and rows * width <= self._max_tokens:
                batch.extend(self._take_from(buckets, tokens, room=joining))
                longest = width

    def _drop_empty(self) -> None:
        for engine, buckets in list(self._buckets.items()):
            for tokens in [tokens for tokens, bucket in buckets.items() if not bucket]:
                del buckets[tokens]
            if not buckets:
                del self._buckets[engine]


def _nearest_lengths(tokens: int, buckets: dict[int, deque[QueuedText]]) -> Iterator[int]:
    for distance in range(1, CALL_TOKENS + 1):
        for length in (tokens - distance, tokens + distance):
            if buckets.get(length):
                yield length
