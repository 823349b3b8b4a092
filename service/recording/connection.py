"""The ledger as a server uses it: opened when it is first needed, so that it may be away at the start."""

from __future__ import annotations

import threading

from core.config import Config
from core.ledger import Ledger, open_ledger

BUSY_S = 5.0


class LedgerConnection:
    """One ledger for all threads of a process; `get` raises `LedgerUnreadable` as long as it is away."""

    def __init__(self, config: Config) -> None:
        self._config = config
        # Well before the request's own end, so that who waits hears that it is the ledger.
        self._busy_s = min(BUSY_S, config.service.timeout_s / 4)
        self._ledger: Ledger | None = None
        self._lock = threading.Lock()

    def get(self) -> Ledger:
        if self._ledger is None:
            with self._lock:
                self._ledger = self._ledger or open_ledger(self._config, busy_s=self._busy_s)
        return self._ledger

    def close(self) -> None:
        if self._ledger is not None:
            self._ledger.database.close()
