"""Predictions on their way to the ledger, off the request path: bounded, batched, drops counted."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice

from core.config import Keep
from core.home import Home
from core.records import PredictionRecord
from service.recording.keeping import is_sampled, kept

BATCH_ROWS = 500
MAX_TRIES = 8
MAX_PAUSE_S = 8.0
# A database that does not answer must not keep a server from ending.
CLOSE_S = 10.0
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class RecorderCounts:
    """Rows waiting now, and rows written, dropped and left out by the sample since the last counts."""

    waiting: int
    written: int
    dropped: int
    sampled_out: int


class Recorder:
    """Answers never wait for the ledger: what it cannot take in time is dropped, and counted."""

    def __init__(
        self,
        home: Home,
        *,
        queue_size: int,
        flush_s: float,
        keep: Keep = "text",
        sample: float = 1.0,
        on_count: Callable[[RecorderCounts], None] = lambda _: None,
    ) -> None:
        self._home = home
        self._queue_size = queue_size
        self._flush_s = flush_s
        self._keep: Keep = keep
        self._sample = sample
        self._on_count = on_count
        self._queue: deque[PredictionRecord] = deque()
        self._taken = 0
        self._tries = 0
        self._changed = threading.Condition()
        self._hurry_until = 0
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """Write what waits, in one last try, then end; what is not written then is dropped, and counted."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._thread.join(CLOSE_S)
        if self._thread.is_alive():
            logger.error("%d predictions are dropped: the ledger did not answer in time", len(self._queue))

    @property
    def is_alive(self) -> bool:
        return self._thread.is_alive()

    def offer(self, records: Sequence[PredictionRecord]) -> None:
        """Take over the records of the sample; those beyond the queue's bound are dropped."""
        wanted = [record for record in records if is_sampled(record.id, self._sample)]
        with self._changed:
            room = max(0, self._queue_size - len(self._queue))
            self._queue.extend(wanted[:room])
            self._taken += len(wanted[:room])
            if len(self._queue) >= BATCH_ROWS:
                self._changed.notify_all()
        dropped, sampled_out = len(wanted[room:]), len(records) - len(wanted)
        if dropped or sampled_out:
            self._count(dropped=dropped, sampled_out=sampled_out)

    def hurry(self) -> int:
        """Let all records taken so far be written now; how many that are, with those written before."""
        with self._changed:
            self._hurry_until = self._taken
            self._changed.notify_all()
            return self._taken

    def flush(self, *, timeout_s: float) -> bool:
        """Wait until all records taken so far are written or dropped; False if that took too long."""
        wanted = self.hurry()
        with self._changed:
            return self._changed.wait_for(lambda: self._done >= wanted, timeout_s)

    @property
    def _done(self) -> int:
        """Records that have left the queue, in the order in which they came."""
        return self._taken - len(self._queue)

    def _run(self) -> None:
        while self._wait_for_work():
            self._write_batch()

    def _wait_for_work(self) -> bool:
        with self._changed:
            self._changed.wait_for(self._is_time, self._flush_s)
            return bool(self._queue) or not self._closed

    def _is_time(self) -> bool:
        return self._closed or (
            bool(self._queue) and (self._done < self._hurry_until or len(self._queue) >= BATCH_ROWS)
        )

    def _write_batch(self) -> None:
        with self._changed:
            batch = list(islice(self._queue, BATCH_ROWS))
        if not batch:
            return
        self._count()
        # Here and not in offer(): patterns take as long as a tenth of an answer.
        rows = [row for record in batch if (row := self._kept(record)) is not None]
        try:
            self._home.ledger.record_predictions(rows)
        except Exception as error:  # whatever it is, the thread goes on and the rows are counted
            self._failed(batch, error)
        else:
            self._remove(batch)
            self._count(written=len(rows), dropped=len(batch) - len(rows))

    def _kept(self, record: PredictionRecord) -> PredictionRecord | None:
        """None where that fails: a text that cannot be redacted must cost no other its record."""
        try:
            return kept(record, self._keep)
        except Exception as error:
            logger.error("Prediction %s is not recorded: to redact it failed with %s", record.id, type(error).__name__)
            return None

    def _failed(self, batch: Sequence[PredictionRecord], error: Exception) -> None:
        """Keep the batch for a while: a ledger that was locked or full may be back in a moment."""
        self._tries += 1
        if self._tries == 1:
            logger.error("Predictions cannot be recorded: %s", error)
        if self._closed:
            batch = list(self._queue)
        if self._closed or self._tries >= MAX_TRIES:
            logger.error("%d predictions are dropped after %d tries", len(batch), self._tries)
            self._remove(batch)
            self._count(dropped=len(batch))
            return
        with self._changed:
            self._changed.wait_for(lambda: self._closed, min(self._flush_s * 2**self._tries, MAX_PAUSE_S))

    def _remove(self, batch: Sequence[PredictionRecord]) -> None:
        with self._changed:
            for _ in batch:
                self._queue.popleft()
            self._tries = 0
            self._changed.notify_all()

    def _count(self, *, written: int = 0, dropped: int = 0, sampled_out: int = 0) -> None:
        self._on_count(RecorderCounts(len(self._queue), written, dropped, sampled_out))
