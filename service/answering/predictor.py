"""From texts to predictions, independent of HTTP: check, tokenize, batch, record."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from core.arrays import Floats
from core.clock import sortable_id, utc_now
from core.config import ServiceConfig
from core.datasets import Text
from core.engine import Encoded, Outputs
from core.prediction_json import answer
from core.records import PredictionRecord
from service.answering.batcher import ENGINE_FAILED, Batcher
from service.answering.champions import Champions
from service.answering.items import ItemError, checked_input, encode
from service.answering.model import ServedVersion
from service.fields import require_at_most
from service.recording.recorder import Recorder
from service.recording.traffic import Counted
from service.refusals import Overloaded, TimedOut

ItemAnswer = tuple[Text, Encoded, Outputs] | ItemError
CheckedItem = Text | ItemError
T = TypeVar("T")


@dataclass(frozen=True)
class PredictRequest:
    """`texts` may contain any JSON values: each item is checked by itself, see `checked_input`.

    `version` None: the champion. `top_k` None: the scores of all labels. `timeout_s` None: only the server's timeout.
    `field`: the name of the texts' field, for error messages. `explains`: whether explanations follow the answers.
    """

    texts: Sequence[Any]
    model: str | None = None
    version: str | None = None
    top_k: int | None = None
    timeout_s: float | None = None
    field: str = "texts"
    explains: bool = False


@dataclass(frozen=True, slots=True)
class Prediction:
    """The JSON of one text (`core.prediction_json.answer`), and the engine's outputs, of one row."""

    id: str
    answer: dict[str, Any]
    outputs: Outputs

    @property
    def probabilities(self) -> Floats:
        """(k,) in the order of the labels."""
        row: Floats = self.outputs.probabilities[0]
        return row


Result = Prediction | ItemError


@dataclass(frozen=True, slots=True)
class Predictions:
    """A result for each item of a request, in order, all from one version."""

    served: ServedVersion
    results: list[Result]


class Predictor:
    """Answers each text independently of the others, with the version that was champion when the request started."""

    def __init__(
        self,
        champions: Champions,
        batcher: Batcher,
        recorder: Recorder,
        settings: ServiceConfig,
        *,
        on_answer: Callable[[str, Sequence[str], float], None],
        on_unread: Callable[[str, Encoded], None],
        on_error: Callable[[str], None],
        on_request: Callable[[Counted], None],
    ) -> None:
        """`on_answer` gets model, labels and score of each answer, `on_error` the code of each error.

        `on_unread` gets each answered text that was truncated or has unknown tokens only. `on_request` gets the
        counts of each request.
        """
        self._champions = champions
        self._batcher = batcher
        self._recorder = recorder
        self._settings = settings
        self._on_answer = on_answer
        self._on_unread = on_unread
        self._on_error = on_error
        self._on_request = on_request

    async def predict(self, request: PredictRequest, state: dict[str, Any] | None = None) -> Predictions:
        """`state` is the request's state in its ASGI scope: "key" is read, "model", "version" and "items" are written.

        Raises `NoChampion`, `ChampionNotLoaded`, `ModelNotFound`, `ModelNotNamed`, `VersionNotLoaded`, `InvalidBody`,
        `Overloaded` or `TimedOut`.
        """
        state = {} if state is None else state
        # Routing: a canary release would choose another version for a share of the requests here.
        served = self._champions.version(request.model, request.version)
        state.update(model=served.model, version=served.version, items=len(request.texts))
        limits = self._settings.limits_of(served.model)
        require_at_most(len(request.texts), request.field, limits.max_items)
        is_paired = served.engine.facts.is_paired
        items = [checked_input(item, max_chars=limits.max_text_chars, is_paired=is_paired) for item in request.texts]
        work = self._answers(served, items, rejects_long=limits.overlength == "reject")
        began = time.perf_counter()
        try:
            answered = await (work if request.timeout_s is None else in_time(work, request.timeout_s))
        except (TimedOut, Overloaded, asyncio.CancelledError):
            if "gone" not in state:  # set by `service.wire.connection`: the client did not wait
                self._on_request(Counted(served.model, served.version))
            raise
        results = self._results(served, answered, top_k=request.top_k, key=state.get("key"))
        self._on_request(counted(served, results, time.perf_counter() - began))
        return Predictions(served, results)

    async def _answers(
        self, served: ServedVersion, items: Sequence[CheckedItem], *, rejects_long: bool
    ) -> list[ItemAnswer]:
        texts = [item for item in items if not isinstance(item, ItemError)]
        encoded = await encode(served.engine, texts, rejects_long=rejects_long)
        tokens = [item for item in encoded if isinstance(item, Encoded)]
        results = iter(await self._batcher.answer(served.engine, tokens))
        answers: list[ItemAnswer] = []
        rest = iter(encoded)
        for item in items:
            if isinstance(item, ItemError):
                answers.append(item)
            elif isinstance(text := next(rest), ItemError):
                answers.append(text)
            elif isinstance(outputs := next(results), ItemError):
                answers.append(outputs)
            else:
                answers.append((item, text, outputs))
        return answers

    def _results(
        self, served: ServedVersion, answered: Sequence[ItemAnswer], *, top_k: int | None, key: str | None
    ) -> list[Result]:
        records: list[PredictionRecord] = []
        results: list[Result] = []
        for item in answered:
            if isinstance(item, ItemError):
                self._on_error(item.code)
                results.append(item)
                continue
            _, encoded, outputs = item
            fields = answer(served.engine, encoded, outputs, top_k=top_k)
            record = _record(served, fields, key, *item)
            records.append(record)
            # Count single labels: clients could create an unlimited number of label sets, each a time series.
            self._on_answer(served.model, fields.get("labels", [record.label]), record.score)
            if encoded.truncated or encoded.all_unknown:
                self._on_unread(served.model, encoded)
            results.append(Prediction(record.id, fields, outputs))
        self._recorder.offer(records)
        return results


def counted(served: ServedVersion, results: Sequence[Result], seconds: float) -> Counted:
    """What a request was for its version."""
    answered = [result.answer["abstained"] for result in results if isinstance(result, Prediction)]
    failed = 0 if len(answered) == len(results) else results.count(ENGINE_FAILED)
    return Counted(served.model, served.version, len(answered), sum(answered), failed, seconds)


async def in_time(work: Awaitable[T], timeout_s: float) -> T:
    """The result of `work`; raises `TimedOut`."""
    loop = asyncio.get_running_loop()
    ends_at = loop.time() + timeout_s
    limit = asyncio.timeout_at(ends_at)
    try:
        async with limit:
            found = await work
    except TimeoutError:
        if limit.expired():
            raise TimedOut(timeout_s) from None
        raise
    if loop.time() > ends_at:  # the engine ran on the event loop, where the timer could not fire
        raise TimedOut(timeout_s)
    return found


def _record(
    served: ServedVersion, fields: dict[str, Any], key: str | None, input_text: Text, encoded: Encoded, outputs: Outputs
) -> PredictionRecord:
    text, pair = (input_text, None) if isinstance(input_text, str) else input_text
    return PredictionRecord(
        id=sortable_id(),
        model=served.model,
        version=served.version,
        created_at=utc_now(),
        text=text,
        label=fields["label"],
        score=fields["score"],
        tokens=encoded.tokens,
        truncated=encoded.truncated,
        # A copy: a view would keep the arrays of the whole batch in memory until the record is written.
        embedding=outputs.embeddings[0].copy(),
        pair=pair,
        key=key,
    )
