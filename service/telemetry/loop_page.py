"""The loop's part of the metrics page, cached: a scrape waits at most a second for the ledger."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from core.isolated import isolated, sentence_of

KEPT_S = 5.0
WAIT_S = 1.0
logger = logging.getLogger(__name__)


class LoopPage:
    """Thread-safe. If the ledger is away, the page has its last content, `retune_ledger_readable` 0, and its age."""

    def __init__(self, collector: Collector) -> None:
        self._collector = collector
        self._lock = threading.Lock()
        self._reading: threading.Thread | None = None
        self._content, self._read_at_s = b"", 0.0
        self._begun_s = -KEPT_S
        self._is_readable = True

    def page(self) -> bytes:
        """Reads the ledger if the content is older than `KEPT_S`, for at most `WAIT_S`; it may be there next time."""
        reading = self._start_if_old()
        reading.join(WAIT_S)
        is_readable = self._is_readable and not reading.is_alive()
        return self._content + _page_of(_Reading(is_readable, self._read_at_s))

    def _start_if_old(self) -> threading.Thread:
        with self._lock:
            is_old = time.monotonic() - self._begun_s >= KEPT_S
            if self._reading is None or (is_old and not self._reading.is_alive()):
                self._begun_s = time.monotonic()
                self._reading = threading.Thread(target=self._read, name="loop metrics", daemon=True)
                self._reading.start()
            return self._reading

    def _read(self) -> None:
        def failed(error: BaseException) -> None:
            if self._is_readable:
                logger.error("The metrics of the loop are not up to date: %s", sentence_of(error))
            self._is_readable = False

        with isolated(failed):
            self._content = _page_of(self._collector)
            self._read_at_s, self._is_readable = time.time(), True


def _page_of(collector: Collector) -> bytes:
    registry = CollectorRegistry(auto_describe=False)
    registry.register(collector)
    return generate_latest(registry)


@dataclass(frozen=True)
class _Reading(Collector):
    """`read_at_s`: seconds since 1970 of the last reading that succeeded, 0 if there is none."""

    is_readable: bool
    read_at_s: float

    def collect(self) -> Iterator[GaugeMetricFamily]:
        name, words = "retune_ledger_readable", "1: the metrics of the loop are up to date."
        yield GaugeMetricFamily(name, words, value=float(self.is_readable))
        if self.read_at_s:
            name, words = "retune_ledger_read_timestamp_seconds", "When the metrics of the loop were read."
            yield GaugeMetricFamily(name, words, value=self.read_at_s)
