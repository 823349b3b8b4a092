"""Texts that wait for the engine, by version and length: which ones share the next call, and in which order.

A call's time is that of its tokens, padding included, and a little for itself. So texts of one length
share a call, others join where that costs less padding than a call of their own would, and large batches
gain little: a call stays short, and no text waits long behind it.

The next call begins with the text that has waited longest for its length (highest response ratio next,
Brinch Hansen 1971): a short text overtakes long ones, and a long one is overtaken only for a while.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from core.engine import Encoded, Engine, Outputs
from service.answering.items import ItemError

MAX_ROWS = 64
# What a call costs beside its tokens, in tokens; measured under load, where it was the best of 4, 8, 12 and 16
CALL_TOKENS = 8
Result = Outputs | ItemError


@dataclass(eq=False, slots=True)
class Call:
    """What one request waits for. `missing`: its texts without an answer; `waiting`: those that have not reached the
    engine, for which it is expected to take `waiting_s`. `over`: nobody waits for it any more.
    """

    loop: asyncio.AbstractEventLoop
    done: asyncio.Future[None]
    arrived: float
    results: list[Result]
    missing: int
    waiting: int
    waiting_s: float
    over: bool = False


@dataclass(eq=False, slots=True)
class Item:
    """One text of a call."""

    call: Call
    position: int
    engine: Engine
    encoded: Encoded
    tokens: int
    expected_s: float
    """What the engine is expected to take for it."""

    def leave(self) -> None:
        """The queue."""
        self.call.waiting -= 1
        self.call.waiting_s -= self.expected_s


class Lanes:
    """The waiting texts; `items_out` and `work_out_s` count those that have left while somebody waited for them.

    Not thread-safe.
    """

    def __init__(self, *, max_tokens: int) -> None:
        self._max_tokens = max_tokens
        self.items_out, self.work_out_s = 0, 0.0
        self._lanes: dict[Engine, dict[int, deque[Item]]] = {}

    def __bool__(self) -> bool:
        return bool(self._lanes)

    def add(self, item: Item) -> None:
        lanes = self._lanes.setdefault(item.engine, {})
        lanes.setdefault(item.tokens, deque()).append(item)

    def take(self, now: float) -> list[Item]:
        """The texts of the next call, removed; empty when nobody waits any more."""
        first = self._most_urgent(now)
        if first is None:
            return []
        lanes = self._lanes[first.engine]
        batch = self._from_lane(lanes, first.tokens, room=max(1, self._max_tokens // first.tokens))
        self._join_neighbours(batch, lanes, first.tokens)
        self._drop_empty()
        return batch

    def _most_urgent(self, now: float) -> Item | None:
        heads = [head for lanes in self._lanes.values() for lane in lanes.values() if (head := self._head(lane))]
        self._drop_empty()
        return max(heads, key=lambda item: (now - item.call.arrived) / (item.tokens + CALL_TOKENS), default=None)

    def _from_lane(self, lanes: dict[int, deque[Item]], tokens: int, *, room: int) -> list[Item]:
        lane, taken = lanes[tokens], list[Item]()
        while lane and len(taken) < min(room, MAX_ROWS):
            item = self._pop(lane)
            if not item.call.over:
                taken.append(item)
        return taken

    def _head(self, lane: deque[Item]) -> Item | None:
        """The oldest item that somebody waits for; those before it are dropped."""
        while lane and lane[0].call.over:
            self._pop(lane)
        return lane[0] if lane else None

    def _pop(self, lane: deque[Item]) -> Item:
        item = lane.popleft()
        if not item.call.over:
            self.items_out += 1
            self.work_out_s += item.expected_s
            item.leave()
        return item

    def _join_neighbours(self, batch: list[Item], lanes: dict[int, deque[Item]], longest: int) -> None:
        """Let whole lanes of about this length join, where their padding costs less than their own call."""
        for tokens in _nearest(longest, lanes):
            joining = len(lanes[tokens])
            if tokens > longest:
                padding, width = len(batch) * (tokens - longest), tokens
            else:
                padding, width = joining * (longest - tokens), longest
            rows = len(batch) + joining
            if padding <= CALL_TOKENS and rows <= MAX_ROWS and rows * width <= self._max_tokens:
                batch.extend(self._from_lane(lanes, tokens, room=joining))
                longest = width

    def _drop_empty(self) -> None:
        for engine, lanes in list(self._lanes.items()):
            for tokens in [tokens for tokens, lane in lanes.items() if not lane]:
                del lanes[tokens]
            if not lanes:
                del self._lanes[engine]


def _nearest(tokens: int, lanes: dict[int, deque[Item]]) -> Iterator[int]:
    for distance in range(1, CALL_TOKENS + 1):
        for neighbour in (tokens - distance, tokens + distance):
            if lanes.get(neighbour):
                yield neighbour
