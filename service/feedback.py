"""Labels from people, stored before they are acknowledged."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass

from core.errors import Unavailable
from core.records import FeedbackRecord
from service.connection import LedgerConnection
from service.recorder import Recorder
from service.refusals import LedgerDown, UnknownPredictions

# A prediction that is older has long been written by its worker, or dropped: waiting cannot help.
FRESH_S = 60.0
PAUSE_S = 0.1
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Stored:
    """How many labels are durable, and the prediction ids that nobody knows."""

    accepted: int
    unknown: list[str]


class FeedbackDesk:
    """Knows that predictions reach the ledger a moment after their answer, from every worker."""

    def __init__(self, connection: LedgerConnection, recorder: Recorder, *, flush_s: float) -> None:
        self._connection = connection
        self._recorder = recorder
        self._patience_s = 2 * flush_s

    def store(self, records: Sequence[FeedbackRecord]) -> Stored:
        """Store labels; raises `UnknownPredictions` if no id is known, `LedgerDown` if nothing can be stored."""
        try:
            unknown = self._store_patiently(records)
        except Unavailable as error:
            logger.error("Feedback cannot be stored: %s", error)
            raise LedgerDown from error
        if len(unknown) == len(records):
            raise UnknownPredictions(len(records))
        return Stored(len(records) - len(unknown), [record.prediction_id for record in unknown])

    def _store_patiently(self, records: Sequence[FeedbackRecord]) -> list[FeedbackRecord]:
        """Store what is known; wait for predictions that another worker may still be about to write."""
        unknown = self._store_known(records)
        if any(map(_is_fresh, unknown)):
            self._recorder.flush(timeout_s=self._patience_s)
            unknown = self._store_known(unknown)
        deadline = time.monotonic() + self._patience_s
        while any(map(_is_fresh, unknown)) and time.monotonic() < deadline:
            time.sleep(PAUSE_S)
            unknown = self._store_known(unknown)
        return unknown

    def _store_known(self, records: Sequence[FeedbackRecord]) -> list[FeedbackRecord]:
        """The records whose prediction is not known."""
        is_known = self._connection.get().record_feedback(records)
        return [record for record, known in zip(records, is_known, strict=True) if not known]


def _is_fresh(record: FeedbackRecord) -> bool:
    """Whether the id is of our making and of the last minute: it begins with its time (see `sortable_id`)."""
    try:
        made_s = int(record.prediction_id[:16], 16) / 1e9
    except ValueError:
        return False
    return len(record.prediction_id) == 32 and abs(time.time() - made_s) < FRESH_S
