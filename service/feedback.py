"""Labels from people, stored before they are acknowledged."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from core.clock import made_at_s
from core.errors import NotOneLabel, Unavailable
from core.labels import Kind, canonical
from core.records import FeedbackRecord
from service.connection import LedgerConnection
from service.keeping import is_sampled
from service.recorder import Recorder
from service.refusals import InvalidBody, LedgerDown, UnknownPredictions
from service.requests import GivenLabel

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

    def __init__(
        self,
        connection: LedgerConnection,
        recorder: Recorder,
        *,
        kind_of: Callable[[str], Kind],
        flush_s: float,
        sample: float = 1.0,
    ) -> None:
        self._connection = connection
        self._kind_of = kind_of
        self._recorder = recorder
        self._patience_s = 2 * flush_s
        self._sample = sample

    def store(self, given: Sequence[GivenLabel]) -> Stored:
        """Store labels, all or none of those whose prediction is known.

        Raises `InvalidBody` for labels that the model cannot have, `UnknownPredictions` if no id is known,
        `LedgerDown` if nothing can be stored.
        """
        try:
            models = self._models_of({item.prediction_id for item in given})
            records = self._records(given, models)
            self._connection.get().record_feedback(records)
        except Unavailable as error:
            logger.error("Feedback cannot be stored: %s", error)
            raise LedgerDown from error
        if not records:
            raise UnknownPredictions(len(given))
        return Stored(len(records), [item.prediction_id for item in given if item.prediction_id not in models])

    def _models_of(self, wanted: set[str]) -> dict[str, str]:
        """The models by known ids; waits for predictions that another worker may still be about to write."""
        models = self._connection.get().models_of(wanted)
        if self._any_awaited(wanted - models.keys()):
            self._recorder.flush(timeout_s=self._patience_s)
            models = self._connection.get().models_of(wanted)
        deadline = time.monotonic() + self._patience_s
        while self._any_awaited(wanted - models.keys()) and time.monotonic() < deadline:
            time.sleep(PAUSE_S)
            models = self._connection.get().models_of(wanted)
        return models

    def _any_awaited(self, ids: Iterable[str]) -> bool:
        """Whether one of them may still be written."""
        return any(_is_fresh(key) and is_sampled(key, self._sample) for key in ids)

    def _records(self, given: Sequence[GivenLabel], models: dict[str, str]) -> list[FeedbackRecord]:
        kinds = {model: self._kind_of(model) for model in set(models.values())}
        records = []
        for number, item in enumerate(given, 1):
            if item.prediction_id not in models:
                continue
            try:
                label = canonical(item.label, kinds[models[item.prediction_id]])
            except NotOneLabel as error:
                raise InvalidBody(f"Item {number} of 'feedback': {error}") from error
            records.append(FeedbackRecord(item.prediction_id, label, item.source))
        return records


def _is_fresh(prediction_id: str) -> bool:
    """Whether the id is of our making and of the last minute: it begins with its time (see `sortable_id`)."""
    try:
        made_s = made_at_s(prediction_id)
        int(prediction_id[16:], 16)
    except ValueError:
        return False
    return len(prediction_id) == 32 and abs(time.time() - made_s) < FRESH_S
