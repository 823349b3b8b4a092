"""A transport in memory, for connections that are fed by hand."""

from __future__ import annotations

import asyncio
from typing import Any

from service.wire.connection import Connection
from tests.service.wire.uvicorns import Uvicorn


class MemoryTransport(asyncio.Transport):
    """Keeps what is written; it closes in a later turn of the loop, as transports of sockets do."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.is_paused = False
        self.is_closed = False
        self._connection: Connection | None = None

    def connect(self, worker: Uvicorn) -> Connection:
        config: Any = worker.server.config
        connection: Connection = config.http_protocol_class(
            config=config, server_state=worker.server.server_state, app_state={}
        )
        self._connection = connection
        connection.connection_made(self)
        return connection

    def write(self, data: Any) -> None:
        if not self.is_closed:
            self.written += data

    def close(self) -> None:
        if not self.is_closed:
            self.is_closed = True
            assert self._connection is not None
            asyncio.get_running_loop().call_soon(self._connection.connection_lost, None)

    def is_closing(self) -> bool:
        return self.is_closed

    def pause_reading(self) -> None:
        self.is_paused = True

    def resume_reading(self) -> None:
        self.is_paused = False
