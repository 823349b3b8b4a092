"""Counts by minute what each version answers, for the ledger: other processes read it without Prometheus."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import NamedTuple

from core.clock import utc_now
from core.home import Home
from core.ledger_tables.traffic import Load, Traffic, TrafficMinute
from service.host.queue_thread import QueueThread

WRITE_S = 5.0
"""Between two writes: each is one transaction, with all that was counted."""
QUEUE_SIZE = 100_000
MOST_MINUTES = 1_000
"""Rows that wait while the ledger is away; later minutes are not counted."""
CLOSE_S = 2.0
logger = logging.getLogger(__name__)


class Counted(NamedTuple):
    """A request, and its texts that were answered, among them those with an abstention, and those that the engine could
    not answer; texts that no version could answer, such as empty ones, do not count. `seconds` None: it was refused or
    ended for lack of time.
    """

    model: str
    version: str
    answered: int = 0
    abstained: int = 0
    failed: int = 0
    seconds: float | None = None

    @property
    def load(self) -> Load:
        load = Load(1, bool(self.failed), self.seconds is None, self.answered, self.abstained, self.failed)
        if self.seconds is not None and self.answered:
            load.time(self.seconds)
        return load


class TrafficCounter:
    """A request only queues its counts."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._waiting: dict[tuple[str, str, str], Load] = {}
        self._is_failing = False
        self._queue: QueueThread[Counted] = QueueThread(
            "traffic", self._write, size=QUEUE_SIZE, pause_s=WRITE_S, wake_at=QUEUE_SIZE // 2
        )

    def start(self) -> None:
        self._queue.start()

    def close(self) -> None:
        self._queue.close(CLOSE_S)

    def count(self, counted: Counted) -> None:
        self._queue.put(counted)

    def _write(self, batch: Sequence[Counted]) -> None:
        minute = utc_now()[:16]
        for counted in batch:
            key = (counted.model, counted.version, minute)
            if key in self._waiting or len(self._waiting) < MOST_MINUTES:
                self._waiting.setdefault(key, Load()).add(counted.load)
        try:
            Traffic(self._home.ledger.database).add([TrafficMinute(*key, load) for key, load in self._waiting.items()])
        except Exception as error:  # any error: the thread must go on
            if not self._is_failing:
                logger.warning("Traffic is counted, but cannot be recorded: %s", error)
            self._is_failing = True
            return
        self._waiting.clear()
        self._is_failing = False
