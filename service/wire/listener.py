"""Connections on their way in, shared out evenly among the workers, and those that have been idle too long.

All workers listen on one socket. uvloop takes all that wait there at once, so that whichever worker wakes first
has most of a burst, and with clients that keep their connections it has most of the work from then on.

What is shared out are the connections in use. Clients hold more, and take the one that they used last: all that a
few of them ask may come to one worker, and as its answers come last, its connections stay the ones that are used.
So a worker that is busy, and has many more connections in use than a neighbour, lets some answers close theirs;
who comes in again is seated where there is room.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import math
import mmap
import os
import socket
import struct
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

from uvicorn.server import Server

HAND_SHAKE_S, LAST_HAND_SHAKE_S = 10.0, 2.0
STARTING_S = 0.005
# How long a worker with more connections than another stands back, and how often in a row.
STAND_BACK_S, STAND_BACKS = 0.001, 5
# So much more than the fewest, as a share, is no matter.
SLACK = 1 / 16
# A turn of the loop that takes so long is one of many requests, and one connection a turn would keep those at the door
# waiting for a fifth of a second. So it takes so many in a turn, up to so many more than the fewest: of few, none.
LONG_TURN_S, LONGEST_TURN_S = 0.002, 0.1
AT_ONCE, LEAD, FEW = 64, 2, 8
# Descriptors or memory have run out: what waits is none the better for asking again at once.
EXHAUSTED_S = 0.5
# How often it is seen which connections are in use; and, of all, which have been idle too long: to look at thousands
# that nobody uses took a twelfth of a busy loop's time when it was done as often.
LOOK_S, IDLE_LOOK_S = 0.5, 2.0
# So many times as many as a neighbour are too many, and such a share of the difference is sent away at each look.
UNEVEN, SENT_AWAY = 2, 1 / 4
# The share of its time that a worker computes from which it is busy.
BUSY = 0.5
# How often it is seen whether somebody is about to ask yet, at the end.
HEAR_S = 0.02
# How long a worker takes all that comes, after it stood back for nobody.
IN_VAIN_S = 0.5
COUNT = struct.Struct("=I")
# In place of a count: this worker takes none.
ABSENT = 2**32 - 1
logger = logging.getLogger(__name__)


class Tally:
    """How many connections each worker of a server has in use, in a file that they share."""

    def __init__(self, path: Path, *, workers: int, index: int) -> None:
        """`index` counts from 0. What the file held is of a server before, or of the worker that this one replaces."""
        path.parent.mkdir(parents=True, exist_ok=True)
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            size = COUNT.size * max(workers, index + 1)
            os.ftruncate(file, max(size, os.fstat(file).st_size))
            self._counts = mmap.mmap(file, size)
        finally:
            os.close(file)
        self._index = index
        self.show(ABSENT)

    def show(self, count: int) -> None:
        COUNT.pack_into(self._counts, self._index * COUNT.size, count)

    def fewest_elsewhere(self) -> int | None:
        counts = [count for (count,) in COUNT.iter_unpack(self._counts[:])]
        del counts[self._index]
        return min((count for count in counts if count != ABSENT), default=None)


class Guest(Protocol):
    """A connection, as far as it matters here."""

    def quiet_s(self, now: float) -> float: ...

    def let_go(self, now: float) -> None: ...

    @property
    def is_to_ask(self) -> bool: ...


class Reception:
    """Takes connections for a uvicorn server, in the place of the listeners that uvicorn makes."""

    def __init__(self, server: Server, tally: Tally, *, worked_s: Callable[[], float] = lambda: 0.0) -> None:
        """`worked_s`: how long this worker has computed so far."""
        self._server = server
        self._worked_s = worked_s
        self._worked_before_s = 0.0
        self._tally = tally
        self._loop = asyncio.get_running_loop()
        self._listening: list[socket.socket] = []
        self._connecting: set[asyncio.Task[None]] = set()
        self._used: set[Guest] = set()
        self._in_use = self._come_since = 0
        self._to_send_away = 0
        self._came_s = 0.0
        self._stood_back = 0
        self._in_vain_until_s = 0.0
        self._opening = self._loop.create_task(self._take_over())
        self._opening.add_done_callback(_log_failure)
        self._loop.call_later(LOOK_S, self._look)
        self._loop.call_later(IDLE_LOOK_S, self._look_for_idle)

    def come(self, connection: Guest) -> None:
        self.use(connection)
        self.note()

    def use(self, connection: Guest) -> None:
        """A request of it begins."""
        self._used.add(connection)

    def leave(self, connection: Guest) -> None:
        self._used.discard(connection)
        self.note()

    def note(self) -> None:
        """Tell the neighbours how many connections are in use here now."""
        self._tally.show(self._count if self._listening else ABSENT)

    def sends_away(self) -> bool:
        """Whether the connection of the request that begins is to end with its answer."""
        if not self._to_send_away:
            return False
        self._to_send_away -= 1
        return True

    @property
    def sockets(self) -> list[socket.socket]:
        """As of the listeners whose place this takes, as are the next two."""
        return self._listening

    def close(self) -> None:
        for sock in self._deaf():
            sock.close()

    async def wait_closed(self) -> None:
        pass

    async def go_deaf(self, *, for_all: bool) -> None:
        """Take no more connections. `for_all`: no neighbour goes on that shares the sockets, so what the kernel has
        accepted already is taken, and what comes after that is refused.
        """
        self._opening.cancel()
        for sock in self._deaf():
            if for_all:
                self._take_all(sock)
            sock.close()
        if self._connecting:
            await asyncio.wait(self._connecting, timeout=LAST_HAND_SHAKE_S)

    async def hear_out(self, *, seconds: float) -> None:
        """Wait until nobody is about to ask; so long at most, for some connect and never say anything."""
        until = self._loop.time() + seconds
        while any(guest.is_to_ask for guest in self._guests) and self._loop.time() < until:
            await asyncio.sleep(HEAR_S)

    def _deaf(self) -> list[socket.socket]:
        """The sockets that are listened to no more."""
        listening, self._listening = self._listening, []
        for sock in listening:
            self._loop.remove_reader(sock)
        self.note()
        return listening

    async def _take_over(self) -> None:
        while not self._server.started:
            await asyncio.sleep(STARTING_S)
        for listener in self._server.servers:
            own = [socket.socket(fileno=os.dup(sock.fileno())) for sock in listener.sockets]
            listener.close()
            self._listening += own
        self._server.servers = [self]  # type: ignore[list-item]  # so that uvicorn closes it
        for sock in self._listening:
            sock.setblocking(False)
            self._listen(sock)
        self.note()

    def _look(self) -> None:
        self._loop.call_later(LOOK_S, self._look)
        now = self._loop.time()
        self._used = {connection for connection in self._used if connection.quiet_s(now) < LOOK_S}
        self._in_use = len(self._used)
        self._come_since = 0
        self.note()
        self._to_send_away = math.ceil(SENT_AWAY * self._surplus()) if self._was_busy() else 0

    def _look_for_idle(self) -> None:
        self._loop.call_later(IDLE_LOOK_S, self._look_for_idle)
        now = self._loop.time()
        for guest in self._guests:
            guest.let_go(now)

    @property
    def _guests(self) -> list[Guest]:
        connections: Any = self._server.server_state.connections
        return list(connections)

    def _was_busy(self) -> bool:
        """Since the last look."""
        before_s, self._worked_before_s = self._worked_before_s, self._worked_s()
        return self._worked_before_s - before_s > BUSY * LOOK_S

    def _surplus(self) -> int:
        """Connections in use beyond those of the neighbour that has the fewest, if they are far more."""
        fewest = self._tally.fewest_elsewhere()
        if fewest is None or self._in_use <= max(1, UNEVEN * fewest):
            return 0
        return self._in_use - fewest

    def _listen(self, sock: socket.socket) -> None:
        if sock in self._listening:
            self._loop.add_reader(sock, self._come, sock)

    def _come(self, sock: socket.socket) -> None:
        at_once, lead = (AT_ONCE, LEAD) if self._has_long_turns() else (1, 0)
        try:
            for _ in range(at_once):
                if self._stands_back(lead):
                    self._loop.remove_reader(sock)
                    self._loop.call_later(STAND_BACK_S, self._listen, sock)
                    return
                self._welcome(sock.accept()[0])
        except (BlockingIOError, ConnectionAbortedError):  # a neighbour was first, or the client has gone
            return
        except OSError as error:
            self._loop.remove_reader(sock)
            if error.errno != errno.EINVAL:  # else the last worker to go has shut the socket down
                logger.error("No connection can be taken: %s", error.strerror)
                self._loop.call_later(EXHAUSTED_S, self._listen, sock)

    def _has_long_turns(self) -> bool:
        """Whether the loop was away for long since it last saw somebody at the door, if that was a moment ago."""
        before_s, self._came_s = self._came_s, self._loop.time()
        return STAND_BACK_S + LONG_TURN_S < self._came_s - before_s < LONGEST_TURN_S

    def _stands_back(self, lead: int = 0) -> bool:
        """Whether a worker with fewer in use should have this one; but it may be busy, or gone."""
        fewest, now = self._tally.fewest_elsewhere(), self._loop.time()
        has_more = fewest is not None and self._count > fewest * (1 + SLACK) + min(lead, fewest // FEW)
        if not has_more or now < self._in_vain_until_s:
            self._stood_back = 0
            return False
        self._stood_back += 1
        if self._stood_back <= STAND_BACKS:
            return True
        self._in_vain_until_s = now + IN_VAIN_S
        return False

    def _take_all(self, sock: socket.socket) -> None:
        taken = True
        while taken:
            try:
                self._welcome(sock.accept()[0])
            except ConnectionAbortedError:  # that client has gone
                continue
            except OSError:  # none waits any more, or another worker has shut the socket down
                taken = False
        with suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)

    def _welcome(self, connection: socket.socket) -> None:
        self._come_since += 1
        task = self._loop.create_task(self._connect(connection))
        self._connecting.add(task)
        task.add_done_callback(self._seat)
        self.note()

    def _seat(self, task: asyncio.Task[None]) -> None:
        self._connecting.discard(task)
        self.note()
        _log_failure(task)

    async def _connect(self, connection: socket.socket) -> None:
        tls = self._server.config.ssl
        hand_shake: dict[str, Any] = {"ssl": tls, "ssl_handshake_timeout": HAND_SHAKE_S} if tls else {}
        try:
            await self._loop.connect_accepted_socket(self._protocol, connection, **hand_shake)
        except OSError:  # it hung up, or speaks no TLS
            connection.close()

    def _protocol(self) -> asyncio.Protocol:
        config: Any = self._server.config
        protocol: asyncio.Protocol = config.http_protocol_class(
            config=config, server_state=self._server.server_state, app_state=self._server.lifespan.state
        )
        return protocol

    @property
    def _count(self) -> int:
        """In use at the last look, or come since, which is to be used; of them, those that are there yet."""
        there = len(self._server.server_state.connections) + len(self._connecting)
        return min(there, self._in_use + self._come_since)


def _log_failure(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        logger.error("Taking connections failed: %s", error)
