"""Labels from people, stored before they are acknowledged."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from core.clock import created_at_s
from core.errors import DiskFull, DriverMissing, LabelRefused, LedgerUnreadable
from core.feedback import GivenLabel, StoredLabels, store_labels
from core.home import Home
from core.labels import Kind
from service.recording.keeping import is_sampled
from service.recording.recorder import Recorder
from service.refusals import InvalidBody, LedgerDown, UnknownPredictions

# A prediction that is older has long been written by its worker, or dropped: waiting cannot help.
FRESH_S = 60.0
PAUSE_S = 0.05
# Requests that wait for their predictions; who comes beyond is told at once to come again.
MAX_WAITING = 16
THREADS = 4
Found = TypeVar("Found")
logger = logging.getLogger(__name__)


class FeedbackDesk:
    """Knows that predictions reach the ledger a moment after their answer, from every worker.

    Its threads are its own, and nobody waits in one but for the database: who sends ids that nobody knows waits on the
    event loop, and of such only a few wait at a time.
    """

    def __init__(
        self,
        home: Home,
        recorder: Recorder,
        *,
        kind_of: Callable[[str], Kind],
        flush_s: float,
        sample: float = 1.0,
    ) -> None:
        self._home = home
        self._kind_of = kind_of
        self._recorder = recorder
        self._patience_s = 2 * flush_s
        self._sample = sample
        self._waiting = 0
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="feedback")

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def store(self, given: Sequence[GivenLabel]) -> StoredLabels:
        """Store labels, all or none of those whose prediction is known.

        Raises `InvalidBody` for labels that the model cannot have, `UnknownPredictions` if no id is known,
        `LedgerDown` if nothing can be stored.
        """
        try:
            await self._wait_for({item.prediction_id for item in given})
            stored = await self._in_thread(self._store, given)
        except LabelRefused as error:
            raise InvalidBody(f"Item {error.number} of 'feedback': {error.problem}") from error
        except (DiskFull, LedgerUnreadable, DriverMissing) as error:
            logger.error("Feedback cannot be stored: %s", error)
            raise LedgerDown from error
        if not stored.accepted:
            raise UnknownPredictions(len(given))
        return stored

    def _store(self, given: Sequence[GivenLabel]) -> StoredLabels:
        return store_labels(self._home.ledger, given, kind_of=self._kind_of)

    async def _wait_for(self, wanted: set[str]) -> None:
        """Until the predictions are known that another worker may still be about to write."""
        known = await self._known(wanted)
        if not self._any_awaited(wanted - known) or self._waiting >= MAX_WAITING:
            return
        self._waiting += 1
        try:
            known = await self._known(wanted, after_writers=True)
            self._recorder.hurry()
            deadline = time.monotonic() + self._patience_s
            while self._any_awaited(wanted - known) and time.monotonic() < deadline:
                await asyncio.sleep(PAUSE_S)
                known = await self._known(wanted)
        finally:
            self._waiting -= 1

    async def _known(self, wanted: set[str], *, after_writers: bool = False) -> set[str]:
        def ask() -> set[str]:
            return set(self._home.ledger.models_of(wanted, after_writers=after_writers))

        return await self._in_thread(ask)

    async def _in_thread(self, call: Callable[..., Found], *given: Any) -> Found:
        return await asyncio.get_running_loop().run_in_executor(self._threads, call, *given)

    def _any_awaited(self, ids: Iterable[str]) -> bool:
        """Whether one of them may still be written."""
        return any(_is_fresh(key) and is_sampled(key, self._sample) for key in ids)


def _is_fresh(prediction_id: str) -> bool:
    """Whether the id is of our making and of the last minute: it begins with its time (see `sortable_id`)."""
    try:
        made_s = created_at_s(prediction_id)
        int(prediction_id[16:], 16)
    except ValueError:
        return False
    return len(prediction_id) == 32 and abs(time.time() - made_s) < FRESH_S
