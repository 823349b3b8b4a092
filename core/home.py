"""A home: the config, and the registry, the ledger and the job queue that it names, opened at their first use."""

from __future__ import annotations

import threading
from functools import cached_property
from pathlib import Path

from core.config import Config
from core.database import BUSY_S
from core.jobs import JobQueue
from core.kept_checkpoints import KeptCheckpoints
from core.ledger import Ledger, open_ledger
from core.registry import Registry, open_registry


class Home:
    """Thread-safe."""

    def __init__(self, config: Config, *, busy_s: float = BUSY_S) -> None:
        """`busy_s`: how long a write to the ledger waits for another writer."""
        self.config = config
        self._busy_s = busy_s
        self._ledger: Ledger | None = None
        self._opening = threading.Lock()

    @property
    def folder(self) -> Path:
        return self.config.home.absolute()

    @cached_property
    def registry(self) -> Registry:
        """Raises `UnusableRegistry`."""
        return open_registry(self.config)

    @property
    def checkpoints(self) -> KeptCheckpoints:
        return KeptCheckpoints(self.config.checkpoints)

    @property
    def ledger(self) -> Ledger:
        """Raises `LedgerUnreadable` or `DriverMissing`; the next use tries again."""
        with self._opening:
            if self._ledger is None:
                self._ledger = open_ledger(self.config, busy_s=self._busy_s)
            return self._ledger

    @property
    def jobs(self) -> JobQueue:
        return JobQueue(self.ledger)

    def close(self) -> None:
        if self._ledger is not None:
            self._ledger.database.close()
