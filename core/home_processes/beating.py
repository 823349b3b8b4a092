"""Tells in the ledger that this process runs, as long as it does."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from core.errors import RetuneError
from core.home import Home
from core.ledger_tables.heartbeats import BEAT_S, Heartbeats, Role
from core.processes.owner import this_worker

log = logging.getLogger(__name__)


@contextmanager
def beating(home: Home, role: Role) -> Iterator[None]:
    """Within the context this process tells that it runs. It makes no ledger, and one that is away stops nothing."""
    ended = threading.Event()
    beats = _Beats(home, role)
    thread = threading.Thread(target=beats.run, args=(ended,), name=f"{role} heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join(BEAT_S)


class _Beats:
    def __init__(self, home: Home, role: Role) -> None:
        self._home, self._role, self._owner = home, role, this_worker()
        self._has_begun = self._is_failing = False

    def run(self, ended: threading.Event) -> None:
        self._try("beat")
        while not ended.wait(BEAT_S):
            self._try("beat")
        self._try("end")

    def _try(self, change: Literal["beat", "end"]) -> None:
        try:
            database = self._home.ledger.database
            if database.exists():
                stored = Heartbeats(database)
                if not self._has_begun:
                    stored.begin(self._role, self._owner)
                getattr(stored, change)(self._role, self._owner)
                self._has_begun = True
            self._is_failing = False
        except RetuneError as error:
            if not self._is_failing:
                log.warning("The heartbeat of this %s is not stored: %s", self._role, error)
            self._is_failing = True
