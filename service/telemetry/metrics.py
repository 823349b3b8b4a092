"""Prometheus metrics: one page for all workers. Labels are limited to route templates and known models.

Callers only queue their counts; a thread passes many at once to prometheus_client. An engine call evicts the code and
data of prometheus_client from the CPU cache, so counting in the request would take five times as long.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

import psutil  # type: ignore[import-untyped]  # its stubs are another package
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

from core.engine import Encoded
from core.home_processes.server_workers import ModelStatus
from service.answering.batcher import BatchFacts
from service.host.queue_thread import QueueThread
from service.recording.recorder import RecorderCounts
from service.telemetry.values_file import use_values_files, write_all

# If this variable names a folder, prometheus_client keeps its values in files there.
MULTIPROC_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
CONTENT_TYPE = CONTENT_TYPE_LATEST
logger = logging.getLogger(__name__)
LATENCY_BUCKETS_S = (0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
# The label in the metrics for a multi-label prediction without labels.
NO_LABEL = "(none)"
# Metrics are updated at most this long after the event.
UPDATE_INTERVAL_S = 0.2
QUEUE_SIZE = 100_000
CONFIDENCE_BUCKETS = tuple(step / 10 for step in range(1, 11))


class Metrics:
    """Counts for one worker; the page shows all workers."""

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        self._counts: QueueThread[Callable[[], None]] = QueueThread(
            "metrics", self._count, size=QUEUE_SIZE, pause_s=UPDATE_INTERVAL_S
        )
        self._problem = ""
        use_values_files()
        self._known_models: set[str] = set()
        counter = partial(Counter, registry=registry)
        gauge = partial(Gauge, registry=registry)
        summed = partial(Gauge, registry=registry, multiprocess_mode="livesum")
        seconds = partial(Histogram, registry=registry, buckets=LATENCY_BUCKETS_S)
        scores = partial(Histogram, registry=registry, buckets=CONFIDENCE_BUCKETS)
        self._requests = counter("retune_requests", "Answers by route and status.", ["route", "status"])
        self._seconds = seconds("retune_request_seconds", "From request to answer.", ["route"])
        self._predictions = counter("retune_predictions", "Texts answered, by label.", ["model", "label"])
        self._refused = counter("retune_refused", "Requests refused by access control.", ["reason"])
        self._item_errors = counter("retune_item_errors", "Texts without answer.", ["code"])
        self._confidence = scores("retune_confidence", "Score of the answer.", ["model"])
        self._truncated = counter("retune_truncated_texts", "Texts answered by their first tokens only.", ["model"])
        self._unknown = counter("retune_unknown_texts", "Texts answered without a token that is known.", ["model"])
        self._batches = counter("retune_engine_calls", "Engine calls.")
        self._rows = counter("retune_engine_rows", "Texts in engine calls.")
        self._tokens = counter("retune_engine_tokens", "Tokens in engine calls, without padding.")
        self._padded = counter("retune_engine_padded_tokens", "Tokens in engine calls, with padding.")
        self._waits = seconds("retune_queue_seconds", "From arrival to engine call.")
        self._engine_seconds = counter("retune_engine_seconds", "Time in engine calls.")
        self._champion = gauge(
            "retune_champion_version", "Version in service, by worker.", ["model"], multiprocess_mode="liveall"
        )
        self._load_failed = gauge(
            "retune_version_load_failed",
            "1: a promoted version cannot be loaded.",
            ["model"],
            multiprocess_mode="livemax",
        )
        self._swaps = counter("retune_swaps", "Changes of champion.", ["model", "outcome"])
        self._log_dropped = counter("retune_access_log_dropped", "Lines dropped by the access log.")
        self._ledger_failing = gauge(
            "retune_ledger_failing", "1: predictions cannot be written.", multiprocess_mode="livemax"
        )
        self._ledger_waiting = summed("retune_ledger_waiting", "Predictions not yet written.")
        self._ledger_capacity = summed("retune_ledger_capacity", "Predictions that may wait.")
        self._ledger_written = counter("retune_ledger_written", "Predictions written.")
        self._ledger_dropped = counter("retune_ledger_dropped", "Predictions dropped before the ledger.")
        self._ledger_sampled_out = counter("retune_ledger_sampled_out", "Predictions outside the sample.")

    def start(self) -> None:
        self._counts.start()

    def close(self) -> None:
        """Count what is queued, then end."""
        self._counts.close()

    def _count(self, counts: Sequence[Callable[[], None]]) -> None:
        problem = ""
        for count in [*counts, write_all]:
            try:
                count()
            except Exception as error:  # such as a full disk; the next counts may succeed again
                problem = str(error)
        if problem and not self._problem:
            logger.error("The metrics are not up to date: %s", problem)
        self._problem = problem

    def _increment(self, counter: Counter, *labels: str) -> None:
        # Also `labels` runs in the thread: it takes prometheus_client's lock, and may add a value to the file.
        self._counts.put(lambda: counter.labels(*labels).inc())

    def count_request(self, route: str, status: int, seconds: float | None) -> None:
        """`seconds` None: the request is not part of the latency."""
        self._counts.put(partial(self._count_request, route, status, seconds))

    def count_prediction(self, model: str, labels: Sequence[str], score: float) -> None:
        self._counts.put(partial(self._count_prediction, model, labels, score))

    def count_unread(self, model: str, encoded: Encoded) -> None:
        """Count a text that the model did not read, or not as a whole."""
        if encoded.truncated:
            self._increment(self._truncated, model)
        if encoded.all_unknown:
            self._increment(self._unknown, model)

    def count_batch(self, facts: BatchFacts) -> None:
        self._counts.put(partial(self._count_batch, facts))

    def observe_waits(self, seconds: Sequence[float]) -> None:
        self._counts.put(partial(self._observe_waits, seconds))

    def _count_request(self, route: str, status: int, seconds: float | None) -> None:
        self._requests.labels(route, str(status)).inc()
        if seconds is not None:
            self._seconds.labels(route).observe(seconds)

    def count_refusal(self, reason: str) -> None:
        self._increment(self._refused, reason)

    def _count_prediction(self, model: str, labels: Sequence[str], score: float) -> None:
        for label in labels or [NO_LABEL]:
            self._predictions.labels(model, label).inc()
        self._confidence.labels(model).observe(score)

    def count_item_error(self, code: str) -> None:
        self._increment(self._item_errors, code)

    def _count_batch(self, facts: BatchFacts) -> None:
        self._batches.inc()
        self._rows.inc(facts.rows)
        self._tokens.inc(facts.tokens)
        self._padded.inc(facts.padded_tokens)
        self._engine_seconds.inc(facts.seconds)

    def _observe_waits(self, seconds: Sequence[float]) -> None:
        for wait in seconds:
            self._waits.observe(wait)

    def set_status(self, status: dict[str, ModelStatus]) -> None:
        self._counts.put(partial(self._set_status, status))

    def _set_status(self, status: dict[str, ModelStatus]) -> None:
        self._known_models |= status.keys()
        for model in self._known_models:
            entry = status.get(model, ModelStatus())
            self._champion.labels(model).set(int(entry.version or 0))
            self._load_failed.labels(model).set(entry.failing)

    def count_log_drop(self) -> None:
        self._counts.put(self._log_dropped.inc)

    def count_swap(self, model: str, outcome: str) -> None:
        self._increment(self._swaps, model, outcome)

    def count_records(self, counts: RecorderCounts) -> None:
        self._counts.put(partial(self._count_records, counts))

    def _count_records(self, counts: RecorderCounts) -> None:
        self._ledger_failing.set(counts.failing)
        self._ledger_waiting.set(counts.waiting)
        self._ledger_written.inc(counts.written)
        self._ledger_dropped.inc(counts.dropped)
        self._ledger_sampled_out.inc(counts.sampled_out)

    def set_ledger_capacity(self, rows: int) -> None:
        self._counts.put(partial(self._ledger_capacity.set, rows))

    def page(self) -> bytes:
        """The text that Prometheus scrapes. Slow with many workers: do not call it on the event loop."""
        self._counts.flush()
        folder = os.environ.get(MULTIPROC_VARIABLE)
        if not folder:
            return generate_latest(self._registry)
        _forget_dead(Path(folder))
        shared = CollectorRegistry()
        MultiProcessCollector(shared, path=folder)  # type: ignore[no-untyped-call]  # not annotated there
        return generate_latest(shared)


def _forget_dead(folder: Path) -> None:
    """Remove the gauges of killed workers; prometheus_client would show them for ever."""
    for path in folder.glob("gauge_live*.db"):
        pid = path.stem.rpartition("_")[2]
        if pid.isdigit() and not psutil.pid_exists(int(pid)):
            with suppress(FileNotFoundError):  # another worker may be removing them as well
                mark_process_dead(int(pid), path=str(folder))  # type: ignore[no-untyped-call]  # not annotated there
