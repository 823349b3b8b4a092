"""Those who follow models in this worker: one look at the ledger a second for all of them, none without them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from core.isolated import sentence_of
from core.news import Position
from service.following.reading import Kind, Look, Reader, States
from service.following.server_sent import HEARTBEAT, event, opening
from service.following.stream import Stream
from service.refusals import Stopping, TooManyFollow

LOOK_S = 1.0
HEARTBEAT_S = 15.0
logger = logging.getLogger(__name__)


class Hub:
    """All methods but `close` belong to the event loop; the ledger is read in a thread of its own."""

    def __init__(self, reader: Reader, *, most: int) -> None:
        """`most`: streams at a time."""
        self._reader, self._most = reader, most
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="following")
        self._streams: set[Stream] = set()
        self._looking: asyncio.Task[None] | None = None
        self._has_looked = asyncio.Event()
        self._position = Position()
        self._states: States = {}
        self._problem: str | None = None
        self._has_ended = False

    def join(self, model: str | None) -> Stream:
        """A new stream, which `leave` ends. Raises `TooManyFollow` or `Stopping`."""
        if self._has_ended:
            raise Stopping
        if len(self._streams) >= self._most:
            raise TooManyFollow(self._most)
        stream = Stream(model)
        self._streams.add(stream)
        if self._looking is None:
            self._has_looked = asyncio.Event()
            self._looking = asyncio.create_task(self._look_while_followed())
        return stream

    def leave(self, stream: Stream) -> None:
        self._streams.discard(stream)

    def end_all(self) -> None:
        """End all streams and refuse new ones: this worker stops."""
        self._has_ended = True
        for stream in self._streams:
            stream.end()

    def close(self) -> None:
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def events(
        self, stream: Stream, last: Position | None, *, is_allowed: Callable[[], bool] = lambda: True
    ) -> AsyncIterator[bytes]:
        """What a client is sent: what it missed since `last`, else the last of each kind; the states; then all that
        comes, and a comment where nothing does. It ends when `is_allowed`, asked now and then, says no.
        """
        yield opening()
        await self._has_looked.wait()
        stream.is_listening = True
        position, states, problem = self._position, dict(self._states), self._problem
        if problem is None:
            for one in await self._in_thread(self._reader.missed, stream.model, last, position):
                yield event(one.kind, one.facts, one.position)
        else:
            yield event("ledger", _ledger(problem), last or position)
        for (kind, model), facts in states.items():
            if stream.wants(model):
                yield event(kind, facts, position)
        loop = asyncio.get_running_loop()
        checked_s = loop.time()
        while True:
            try:
                written = await stream.next(HEARTBEAT_S)
            except TimeoutError:
                written = HEARTBEAT
            if loop.time() - checked_s >= HEARTBEAT_S:
                checked_s = loop.time()
                if not is_allowed():
                    return
            if written is None:
                return
            yield written

    async def _look_while_followed(self) -> None:
        try:
            while self._streams:
                await self._look()
                self._has_looked.set()
                await asyncio.sleep(LOOK_S)
        finally:
            self._looking = None
            self._reader.restart()

    async def _look(self) -> None:
        try:
            look = await self._in_thread(self._reader.look)
        except Exception as error:  # whatever it is, those who follow are told, and the next look may succeed
            self._take_problem(sentence_of(error))
            self._take(Look(self._position, [], self._reader.champions()))
            return
        self._take_problem(None)
        self._take(look)

    def _take(self, look: Look) -> None:
        for one in look.news:
            self._publish(one.kind, one.model, one.facts, one.position)
        self._position = look.position
        for (kind, model), facts in look.states.items():
            if self._states.get((kind, model)) != facts:
                self._publish(kind, model, facts, look.position)
        self._states |= look.states

    def _take_problem(self, problem: str | None) -> None:
        if (problem is None) != (self._problem is None):
            if problem:
                logger.error("Who follows models learns nothing new: %s", problem)
            self._publish("ledger", None, _ledger(problem), self._position)
        self._problem = problem

    def _publish(self, kind: Kind, model: str | None, facts: Mapping[str, Any], position: Position) -> None:
        """Written once for all streams."""
        wanted = [stream for stream in self._streams if stream.wants(model)]
        written = event(kind, facts, position) if wanted else b""
        for stream in wanted:
            stream.put(written)

    async def _in_thread(self, call: Callable[..., Any], *given: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._thread, call, *given)


def _ledger(problem: str | None) -> dict[str, Any]:
    return {"readable": problem is None, "problem": problem}
