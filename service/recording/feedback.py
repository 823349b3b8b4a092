"""Labels from people, stored before they are acknowledged."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from core.clock import created_at_s
from core.errors import DiskFull, DriverMissing, LabelRefused, LedgerUnreadable
from core.feedback import Given, ModelLabels, StoredLabels, store_labels
from core.home import Home
from service.recording.recorder import Recorder, is_sampled
from service.refusals import InvalidBody, LedgerUnavailable, PredictionsPending, UnknownPredictions

# Until this age of its id a prediction may not be in the ledger yet: another replica still holds it back, e.g. after an
# outage of the database, and the clocks of two replicas may differ by minutes.
PENDING_S = 900.0
PAUSE_S = 0.05
# Requests that may wait for their predictions at the same time; further ones do not wait.
MAX_WAITING_REQUESTS = 16
THREADS = 4
T = TypeVar("T")
logger = logging.getLogger(__name__)


class FeedbackStore:
    """Stores labels, and waits for predictions that a worker has returned but not yet written to the ledger.

    Its own threads only call the database. Requests wait for predictions on the event loop, a limited number at a time,
    so that requests with unknown ids cannot block other feedback.
    """

    def __init__(self, home: Home, recorder: Recorder, *, labels_of: Callable[[str], ModelLabels]) -> None:
        self._home = home
        self._labels_of = labels_of
        self._recorder = recorder
        self._max_wait_s = 2 * home.config.ledger.flush_s
        self._sample = home.config.ledger.sample
        self._waiting_requests = 0
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="feedback")

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def store(self, items: Sequence[Sequence[Given]], *, model: str | None = None) -> StoredLabels:
        """Store all labels whose prediction is known, or none of them. `items`: what each item of a request says;
        `model`: the model of all of them (`LabelsOfAnotherModel`).

        Raises `InvalidBody` for labels that the model cannot have, `PredictionsPending` if a prediction may still be
        written (the other labels are stored), `UnknownPredictions` if no id is known, `LedgerUnavailable` if nothing
        can be stored.
        """
        given = [one for item in items for one in item]
        try:
            await self._wait_for({item.prediction_id for item in given})
            stored = await self._in_thread(
                lambda: store_labels(self._home.ledger, given, labels_of=self._labels_of, model=model)
            )
        except LabelRefused as error:
            places = [place for place, item in enumerate(items, 1) for _ in item]
            raise InvalidBody(f"Item {places[error.number - 1]} of 'feedback': {error.problem}") from error
        except (DiskFull, LedgerUnreadable, DriverMissing) as error:
            logger.error("Feedback cannot be stored: %s", error)
            raise LedgerUnavailable from error
        if pending := sum(map(self._is_expected, stored.unknown)):
            raise PredictionsPending(pending)
        if not (stored.accepted or stored.doubtful or stored.cannot_tell):
            raise UnknownPredictions(len(given))
        return stored

    async def _wait_for(self, wanted: set[str]) -> None:
        """Wait for the predictions that a worker may not have written yet."""
        known = await self._known(wanted)
        if not self._any_expected(wanted - known) or self._waiting_requests >= MAX_WAITING_REQUESTS:
            return
        self._waiting_requests += 1
        try:
            known = await self._known(wanted, after_writers=True)
            self._recorder.write_now()
            deadline = time.monotonic() + self._max_wait_s
            while self._any_expected(wanted - known) and time.monotonic() < deadline:
                await asyncio.sleep(PAUSE_S)
                known = await self._known(wanted)
        finally:
            self._waiting_requests -= 1

    async def _known(self, wanted: set[str], *, after_writers: bool = False) -> set[str]:
        return set(await self._in_thread(lambda: self._home.ledger.models_of(wanted, after_writers=after_writers)))

    async def _in_thread(self, call: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, call)

    def _any_expected(self, ids: Iterable[str]) -> bool:
        return any(map(self._is_expected, ids))

    def _is_expected(self, prediction_id: str) -> bool:
        """Whether the prediction may still be written to the ledger."""
        return _is_recent(prediction_id) and is_sampled(prediction_id, self._sample)


def _is_recent(prediction_id: str) -> bool:
    """Whether a server can have made the id lately: an id starts with its time (see `sortable_id`)."""
    try:
        made_s = created_at_s(prediction_id)
        int(prediction_id[16:], 16)
    except ValueError:
        return False
    return len(prediction_id) == 32 and abs(time.time() - made_s) < PENDING_S
