"""Writes predictions to the ledger outside the request path, from a bounded queue and in batches."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from core.config import Keep
from core.errors import RetuneError
from core.home import Home
from core.records import PredictionRecord
from core.texts.personal_data import redacted
from service.host.queue_thread import QueueThread

BATCH_ROWS = 500
MAX_TRIES = 8
MAX_PAUSE_S = 8.0
# A database that does not answer must not keep the server from stopping.
CLOSE_S = 10.0
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class RecorderCounts:
    """Rows waiting now, and rows written, dropped and outside the sample since the last counts.

    `failing`: whether the last try to write failed.
    """

    waiting: int
    written: int
    dropped: int
    sampled_out: int
    failing: bool = False


class Recorder:
    """Responses never wait for the ledger: rows that it cannot store in time are dropped and counted."""

    def __init__(self, home: Home, *, on_count: Callable[[RecorderCounts], None]) -> None:
        settings = home.config.ledger
        self._home = home
        self._flush_s = settings.flush_s
        self._keep = settings.keep
        self._sample = settings.sample
        self._on_count = on_count
        self._problem: str | None = None
        self._dropped = 0
        self._queue = QueueThread(
            "recorder",
            self._write,
            size=settings.queue_size,
            pause_s=settings.flush_s,
            batch=BATCH_ROWS,
            wake_at=BATCH_ROWS,
        )

    def start(self) -> None:
        self._queue.start()

    def close(self) -> None:
        """Try once to write the waiting records, then end; those not written are dropped and counted."""
        if not self._queue.close(CLOSE_S):
            logger.error("%d predictions are dropped: the ledger did not answer in time", self._queue.waiting)

    @property
    def is_alive(self) -> bool:
        return self._queue.is_alive

    @property
    def problem(self) -> str | None:
        """The code of the error while the ledger cannot be written."""
        return self._problem

    def offer(self, records: Sequence[PredictionRecord]) -> None:
        """Queue the records that belong to the sample; those beyond the queue's size are dropped."""
        wanted = [record for record in records if is_sampled(record.id, self._sample)]
        dropped = sum(not self._queue.put(record) for record in wanted)
        sampled_out = len(records) - len(wanted)
        if dropped or sampled_out:
            self._count(dropped=dropped, sampled_out=sampled_out)

    def write_now(self) -> None:
        """Write the queued records without waiting for the next interval."""
        self._queue.wake()

    def _write(self, batch: Sequence[PredictionRecord]) -> None:
        self._count()
        # Not in offer(): redaction takes a tenth of the time of a request.
        rows = [row for record in batch if (row := self._kept(record)) is not None]
        for tries in range(1, MAX_TRIES + 1):
            is_last = tries == MAX_TRIES or self._queue.closing.is_set()
            try:
                self._home.ledger.record_predictions(rows)
            except Exception as error:  # any error: the thread must go on, and the rows must be counted
                self._note_failure(error)
            else:
                self._note_success()
                self._count(handled=len(batch), written=len(rows), dropped=len(batch) - len(rows))
                return
            if is_last:
                break
            # A locked or full database may accept the rows a moment later.
            self._queue.closing.wait(min(self._flush_s * 2**tries, MAX_PAUSE_S))
        dropped = len(batch) + (self._queue.clear() if self._queue.closing.is_set() else 0)
        if not self._dropped or self._queue.closing.is_set():
            logger.error("%d predictions are dropped after %d tries", dropped, tries)
        self._count(handled=len(batch), dropped=dropped)

    def _note_failure(self, error: Exception) -> None:
        """Logged once for all tries until the next success."""
        if self._problem is None:
            logger.error("Predictions are answered, but cannot be recorded: %s", error)
            self._dropped = 0
        self._problem = error.code if isinstance(error, RetuneError) else type(error).__name__
        self._count()

    def _note_success(self) -> None:
        if self._problem is not None:
            self._problem = None
            logger.warning("Predictions are recorded again; %d were dropped", self._dropped)

    def _kept(self, record: PredictionRecord) -> PredictionRecord | None:
        """The record as it may be stored; None on an error, which must not affect the other records."""
        try:
            return kept(record, self._keep)
        except Exception as error:
            logger.error("Prediction %s is not recorded: redacting it failed with %s", record.id, type(error).__name__)
            return None

    def _count(self, *, handled: int = 0, written: int = 0, dropped: int = 0, sampled_out: int = 0) -> None:
        waiting = self._queue.waiting - handled
        self._dropped += dropped
        self._on_count(RecorderCounts(waiting, written, dropped, sampled_out, self._problem is not None))


def is_sampled(prediction_id: str, share: float) -> bool:
    """Whether a prediction belongs to the share that is recorded.

    The random half of the id decides (`core.clock.sortable_id`), so all workers agree, and the choice does not depend
    on text or label.

    >>> is_sampled("0" * 16 + "7f" + "0" * 14, 0.5), is_sampled("0" * 16 + "80" + "0" * 14, 0.5)
    (True, False)
    """
    return int(prediction_id[16:], 16) < share * 2**64


def kept(record: PredictionRecord, keep: Keep) -> PredictionRecord:
    """The record with as much of its texts as the config key `ledger.keep` allows to store."""
    if keep == "text":
        return record
    change = redacted if keep == "redacted" else lambda _: ""
    return replace(record, text=change(record.text), pair=None if record.pair is None else change(record.pair))
