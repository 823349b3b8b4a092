"""SIGTERM under load, again and again; then one worker killed, in a container's setting and outside.

python benchmarks/serving/stopping.py [--times 20]
"""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import cycle
from statistics import median
from typing import Any

import uvloop
from client import LOST, Ask, Connection, asked, connect, post
from results import record
from setting import MODEL, Setting, parser, setting_of
from systems import RETUNE, Server, served

KEPT_ALIVE, NEW = 16, 8
PROBE_S, POLL_S = 0.01, 0.05
KILL_TIMEOUT_S, EXIT_TIMEOUT_S = 60.0, 120.0
SETTINGS: dict[str, dict[str, str]] = {"outside": {}, "in_container": {"BENTOML_CONTAINERIZED": "1"}}


def main() -> None:
    options = parser("SIGTERM under load, and a killed worker.", seconds=2)
    options.add_argument("--times", type=int, default=20)
    given = options.parse_args()
    setting = setting_of(given)
    ends = [stopped(setting) for _ in range(given.times)]
    facts = {
        "times": given.times,
        **summarized(ends),
        "killed_worker": {name: killed(setting, name) for name in SETTINGS},
    }
    record("stopping", facts, given.results)


def stopped(setting: Setting) -> dict[str, Any]:
    with served(RETUNE, setting) as server:
        return uvloop.run(Stop(server, setting).watched())


class Stop:
    """One server, its clients, and what they see of its end."""

    def __init__(self, server: Server, setting: Setting) -> None:
        self._server = server
        self._seconds = setting.seconds
        self._asks = cycle([post(RETUNE.path, RETUNE.body(text)) for text in setting.mixed])
        self._over = False
        self._seen: Counter[str] = Counter()

    async def watched(self) -> dict[str, Any]:
        clients = [self._keep_alive() for _ in range(KEPT_ALIVE)] + [self._anew() for _ in range(NEW)]
        load = asyncio.gather(*clients)
        await asyncio.sleep(self._seconds)
        signalled = time.perf_counter()
        os.kill(self._server.tree.process.pid, signal.SIGTERM)
        unready = asyncio.create_task(self._unready())
        code = await asyncio.to_thread(self._server.tree.process.wait, EXIT_TIMEOUT_S)
        exit_s = time.perf_counter() - signalled
        self._over = True
        await load
        until, seen_as = await unready
        return {
            "seen": self._seen,
            "unready_s": until - signalled,
            "unready_as": seen_as,
            "exit_s": exit_s,
            "exit_code": code,
        }

    async def _keep_alive(self) -> None:
        connection: Connection | None = None
        while not self._over:
            kind = "used connection"
            if connection is None or not connection.is_open:
                connection, kind = await self._connected(), "new connection"
            if connection:
                self._count(kind, (await connection.ask(next(self._asks))).status)

    async def _anew(self) -> None:
        while not self._over:
            if connection := await self._connected():
                self._count("new connection", (await connection.ask(_closing(next(self._asks)))).status)
                connection.close()

    async def _connected(self) -> Connection | None:
        try:
            return await connect(self._server.port)
        except OSError:
            # Refused is no loss: the client knows, and goes elsewhere.
            self._seen["refused"] += 1
            await asyncio.sleep(PROBE_S)
            return None

    def _count(self, kind: str, status: int) -> None:
        self._seen[f"{kind} lost" if status == LOST else str(status)] += 1

    async def _unready(self) -> tuple[float, str]:
        """When a probe first found the server not ready, and as what: a status, or no answer."""
        while True:
            answer = await asyncio.to_thread(asked, self._server.port, "GET", "/readyz", timeout_s=1.0)
            if answer.status != 200:
                return time.perf_counter(), str(answer.status or "no answer")
            await asyncio.sleep(PROBE_S)


def _closing(ask: Ask) -> Ask:
    return Ask(ask.content.replace(b"\r\n", b"\r\nConnection: close\r\n", 1))


def summarized(ends: Sequence[dict[str, Any]]) -> dict[str, Any]:
    seen = sum((end["seen"] for end in ends), Counter[str]())
    return {
        "answers": {name: count for name, count in sorted(seen.items()) if name.isdigit()},
        "lost": {kind: seen[f"{kind} lost"] for kind in ("used connection", "new connection")},
        "refused": seen["refused"],
        "unready_s": _spread(end["unready_s"] for end in ends),
        "unready_as": dict(Counter(end["unready_as"] for end in ends)),
        "exit_s": _spread(end["exit_s"] for end in ends),
        "exit_codes": {str(code): count for code, count in Counter(end["exit_code"] for end in ends).items()},
    }


def killed(setting: Setting, name: str) -> dict[str, Any]:
    """`kill -9` of one worker: seconds until as many answer as before, or until the server itself ends."""
    with served(RETUNE, setting, environment=SETTINGS[name]) as server:
        time.sleep(setting.seconds)
        before = workers(server)
        os.kill(min(before), signal.SIGKILL)
        started = time.perf_counter()
        while (elapsed := time.perf_counter() - started) < KILL_TIMEOUT_S:
            if (code := server.tree.process.poll()) is not None:
                return {"ended_s": round(elapsed, 2), "exit_code": code}
            found = workers(server)
            if min(before) not in found and len(found) >= len(before):
                return {"full_again_s": round(elapsed, 2), "workers": len(found)}
            time.sleep(POLL_S)
        return {"neither_within_s": KILL_TIMEOUT_S, "workers": len(workers(server))}


def workers(server: Server) -> set[int]:
    """Those that say they answer with a version."""
    answer = asked(server.port, "GET", f"/admin/models/{MODEL}")
    if answer.status != 200:
        return set()
    return {worker["pid"] for worker in answer.json()["workers"] if worker["version"]}


def _spread(values: Iterator[float]) -> dict[str, float]:
    found = list(values)
    return {"median": round(median(found), 3), "max": round(max(found), 3)}


if __name__ == "__main__":
    main()
