"""Servers of uvicorn in this process, with our connections."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from pathlib import Path

from uvicorn import Config, Server

from service.wire.connection import Door, put_door
from service.wire.listener import Reception, Tally

KEEP_ALIVE_S = 1


class Uvicorn:
    """One worker on a listening socket; `folder` is where it and its neighbours count their connections."""

    def __init__(self, door: Door, folder: Path, *, index: int = 0, is_busy: bool = False) -> None:
        config = Config(door.app, lifespan="off", log_level="warning", timeout_keep_alive=KEEP_ALIVE_S)
        config.load()
        self.server = Server(config)
        self.server.lifespan = config.lifespan_class(config)
        tally = Tally(folder / "connections", workers=2, index=index)
        self.reception = Reception(self.server, tally, worked_s=worked(is_busy))
        put_door(self.server, door, self.reception)

    @property
    def connections(self) -> int:
        return len(self.server.server_state.connections)

    async def start(self, listening: socket.socket) -> None:
        await self.server.startup(sockets=[listening.dup()])

    async def stop(self) -> None:
        await self.reception.go_deaf(for_all=False)
        await self.server.shutdown()


def worked(is_busy: bool) -> Callable[[], float]:
    """The clock of a worker that computes all the time, or never."""
    return time.monotonic if is_busy else lambda: 0.0
