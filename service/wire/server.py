"""A uvicorn server whose connections are ours."""

from __future__ import annotations

import signal
from collections.abc import Callable
from functools import partial

from uvicorn.server import Server

from service.wire.balancing import Balancer
from service.wire.callbacks import Callbacks
from service.wire.connection import Connection
from service.wire.connection_counts import ConnectionCounts
from service.wire.idle_sweep import IdleSweep
from service.wire.listener import Listener


def running_server() -> Server | None:
    """The server that this process runs: its own handler waits for SIGTERM. BentoML does not hand it over."""
    owner = getattr(signal.getsignal(signal.SIGTERM), "__self__", None)
    return owner if isinstance(owner, Server) else None


def take_over(
    server: Server, callbacks: Callbacks, counts: ConnectionCounts, *, worked_s: Callable[[], float]
) -> Listener:
    """Accept and serve all connections from now on; `worked_s`: how long this worker has computed so far."""
    balancer = Balancer(counts, server.server_state.connections, worked_s=worked_s)
    server.config.http_protocol_class = partial(Connection, callbacks, balancer)  # type: ignore[assignment]  # called only
    IdleSweep(server).start()
    return Listener(server, balancer)
