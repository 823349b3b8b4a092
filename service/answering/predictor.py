"""From texts to answers, without HTTP: check, tokenize, batch, record."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from core.answers import answer
from core.arrays import Floats
from core.clock import sortable_id, utc_now
from core.config import ServiceConfig
from core.datasets import Text
from core.engine import Encoded, Outputs
from core.records import PredictionRecord
from service.answering.batcher import Batcher
from service.answering.champions import Champions
from service.answering.items import ItemError, encode, input_in
from service.answering.model import Served
from service.fields import require_at_most
from service.recording.recorder import Recorder
from service.refusals import TookTooLong

Answered = tuple[Text, Encoded, Outputs] | ItemError
Item = Text | ItemError
Found = TypeVar("Found")


@dataclass(frozen=True)
class PredictRequest:
    """`texts` may hold anything: each item is judged alone, see `input_in`.

    `version` None: the champion. `top_k` None: the scores of all labels. `timeout_s` None: only the server's.
    `field`: what they stand in.
    """

    texts: Sequence[Any]
    model: str | None = None
    version: str | None = None
    top_k: int | None = None
    timeout_s: float | None = None
    field: str = "texts"


@dataclass(frozen=True, slots=True)
class Prediction:
    """One text's answer, as `core.answers.answer` gives it, and its (k,) probabilities in the order of the labels."""

    id: str
    given: dict[str, Any]
    probabilities: Floats


Result = Prediction | ItemError


@dataclass(frozen=True, slots=True)
class Predictions:
    """A result for each item of a request, in order, all by one version."""

    served: Served
    results: list[Result]


class Predictor:
    """Answers each text whatever its neighbours are, with the version that was champion at the start."""

    def __init__(
        self,
        champions: Champions,
        batcher: Batcher,
        recorder: Recorder,
        settings: ServiceConfig,
        *,
        on_answer: Callable[[str, Sequence[str], float], None],
        on_error: Callable[[str], None],
    ) -> None:
        """`on_answer` gets the model, the labels and the score of each answer, `on_error` the code of each error."""
        self._champions = champions
        self._batcher = batcher
        self._recorder = recorder
        self._settings = settings
        self._on_answer = on_answer
        self._on_error = on_error

    async def predict(self, request: PredictRequest, noted: dict[str, Any] | None = None) -> Predictions:
        """`noted` is what is known of the request, such as its "key"; what is learnt here is noted there, too.

        Raises `NoChampion`, `ChampionNotLoaded`, `ModelNotFound`, `ModelNotNamed`, `VersionNotLoaded`, `InvalidBody`,
        `Overloaded` or `TookTooLong`.
        """
        noted = {} if noted is None else noted
        # The routing step: which version answers. A share of the requests could go to another one here.
        served = self._champions.version(request.model, request.version)
        noted.update(model=served.model, version=served.version, items=len(request.texts))
        limits = self._settings.limits_of(served.model)
        require_at_most(len(request.texts), request.field, limits.max_items)
        is_paired = served.engine.facts.is_paired
        items = [input_in(item, max_chars=limits.max_text_chars, is_paired=is_paired) for item in request.texts]
        work = self._answered(served, items, rejects_long=limits.overlength == "reject")
        answered = await (work if request.timeout_s is None else _in_time(work, request.timeout_s))
        return Predictions(served, self._recorded(served, answered, top_k=request.top_k, key=noted.get("key")))

    async def _answered(self, served: Served, items: Sequence[Item], *, rejects_long: bool) -> list[Answered]:
        texts = [item for item in items if not isinstance(item, ItemError)]
        encoded = await encode(served.engine, texts, rejects_long=rejects_long)
        tokens = [item for item in encoded if isinstance(item, Encoded)]
        outputs = iter(await self._batcher.answer(served.engine, tokens))
        answered = iter(
            [
                item if isinstance(item, ItemError) else _joined(text, item, next(outputs))
                for text, item in zip(texts, encoded, strict=True)
            ]
        )
        return [item if isinstance(item, ItemError) else next(answered) for item in items]

    def _recorded(
        self, served: Served, answered: Sequence[Answered], *, top_k: int | None, key: str | None
    ) -> list[Result]:
        records: list[PredictionRecord] = []
        results: list[Result] = []
        for item in answered:
            if isinstance(item, ItemError):
                self._on_error(item.code)
                results.append(item)
                continue
            _, encoded, outputs = item
            given = answer(served.engine, encoded, outputs, top_k=top_k)
            record = _record(served, given, key, *item)
            records.append(record)
            # Each label by itself: sets of them are too many to count, and clients choose which occur.
            self._on_answer(served.model, given.get("labels", [record.label]), record.score)
            results.append(Prediction(record.id, given, outputs.probabilities[0]))
        self._recorder.offer(records)
        return results


async def _in_time(work: Awaitable[Found], timeout_s: float) -> Found:
    """Raises `TookTooLong`."""
    loop = asyncio.get_running_loop()
    ends_at = loop.time() + timeout_s
    limit = asyncio.timeout_at(ends_at)
    try:
        async with limit:
            found = await work
    except TimeoutError:
        if limit.expired():
            raise TookTooLong(timeout_s) from None
        raise
    if loop.time() > ends_at:  # a text that came alone held up the loop itself
        raise TookTooLong(timeout_s)
    return found


def _joined(text: Text, encoded: Encoded, outputs: Outputs | ItemError) -> Answered:
    return outputs if isinstance(outputs, ItemError) else (text, encoded, outputs)


def _record(
    served: Served, given: dict[str, Any], key: str | None, asked: Text, encoded: Encoded, outputs: Outputs
) -> PredictionRecord:
    text, pair = (asked, None) if isinstance(asked, str) else asked
    return PredictionRecord(
        id=sortable_id(),
        model=served.model,
        version=served.version,
        created_at=utc_now(),
        text=text,
        label=given["label"],
        score=given["score"],
        tokens=encoded.tokens,
        truncated=encoded.truncated,
        # Its own: a view would keep the whole batch in memory as long as the record waits for the ledger.
        embedding=outputs.embeddings[0].copy(),
        pair=pair,
        key=key,
    )
