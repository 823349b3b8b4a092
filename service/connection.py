"""The ledger as a server uses it: opened when it is first needed, so that it may be away at the start."""

from __future__ import annotations

import threading

from core.config import Config
from core.ledger import Ledger, open_ledger


class LedgerConnection:
    """One ledger for all threads of a process; `get` raises `LedgerUnreadable` as long as it is away."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._ledger: Ledger | None = None
        self._lock = threading.Lock()

    def get(self) -> Ledger:
        if self._ledger is None:
            with self._lock:
                self._ledger = self._ledger or open_ledger(self._config)
        return self._ledger

    def close(self) -> None:
        if self._ledger is not None:
            self._ledger.database.close()
