"""Labels from people, stored before they are acknowledged."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

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
PAUSE_S = 0.05
# Requests that wait for their predictions; who comes beyond is told at once to come again.
MAX_WAITING = 16
THREADS = 4
Found = TypeVar("Found")
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Stored:
    """How many labels are durable, and the prediction ids that nobody knows."""

    accepted: int
    unknown: list[str]


class FeedbackDesk:
    """Knows that predictions reach the ledger a moment after their answer, from every worker.

    Its threads are its own, and nobody waits in one but for the database: who sends ids that nobody knows waits on the
    event loop, and of such only a few wait at a time.
    """

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
        self._waiting = 0
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="feedback")

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def store(self, given: Sequence[GivenLabel]) -> Stored:
        """Store labels, all or none of those whose prediction is known.

        Raises `InvalidBody` for labels that the model cannot have, `UnknownPredictions` if no id is known,
        `LedgerDown` if nothing can be stored.
        """
        try:
            models = await self._models_of({item.prediction_id for item in given})
            known = await self._in_thread(self._write, given, models)
        except Unavailable as error:
            logger.error("Feedback cannot be stored: %s", error)
            raise LedgerDown from error
        if not any(known):
            raise UnknownPredictions(len(given))
        unknown = [item.prediction_id for item, is_known in zip(given, known, strict=True) if not is_known]
        return Stored(sum(known), unknown)

    async def _models_of(self, wanted: set[str]) -> dict[str, str]:
        """The models by known ids; waits for predictions that another worker may still be about to write."""
        models = await self._known(wanted)
        if not self._any_awaited(wanted - models.keys()) or self._waiting >= MAX_WAITING:
            return models
        self._waiting += 1
        try:
            models = await self._known(wanted, after_writers=True)
            self._recorder.hurry()
            deadline = time.monotonic() + self._patience_s
            while self._any_awaited(wanted - models.keys()) and time.monotonic() < deadline:
                await asyncio.sleep(PAUSE_S)
                models = await self._known(wanted)
        finally:
            self._waiting -= 1
        return models

    async def _known(self, wanted: set[str], *, after_writers: bool = False) -> dict[str, str]:
        return await self._in_thread(lambda: self._connection.get().models_of(wanted, after_writers=after_writers))

    async def _in_thread(self, call: Callable[..., Found], *given: Any) -> Found:
        return await asyncio.get_running_loop().run_in_executor(self._threads, call, *given)

    def _write(self, given: Sequence[GivenLabel], models: Mapping[str, str]) -> list[bool]:
        """For each label whether it is stored: by now its prediction may be erased."""
        records = self._records(given, models)
        stored = iter(self._connection.get().record_feedback(records))
        return [item.prediction_id in models and next(stored) for item in given]

    def _any_awaited(self, ids: Iterable[str]) -> bool:
        """Whether one of them may still be written."""
        return any(_is_fresh(key) and is_sampled(key, self._sample) for key in ids)

    def _records(self, given: Sequence[GivenLabel], models: Mapping[str, str]) -> list[FeedbackRecord]:
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
