"""From texts to answers, without HTTP: check, tokenize, batch, record."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from core.answers import answer
from core.clock import sortable_id, utc_now
from core.datasets import Text
from core.engine import Encoded, Floats, Outputs
from core.records import PredictionRecord
from service.batching import Batcher
from service.champions import Champions, Served
from service.encoding import encode
from service.metrics import Metrics
from service.recorder import Recorder
from service.requests import ItemError, PredictRequest, input_in

Answered = tuple[Text, Encoded, Outputs] | ItemError
Item = Text | ItemError


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
        self, champions: Champions, batcher: Batcher, recorder: Recorder, metrics: Metrics, *, max_text_chars: int
    ) -> None:
        self._champions = champions
        self._batcher = batcher
        self._recorder = recorder
        self._metrics = metrics
        self._max_text_chars = max_text_chars

    async def predict(self, request: PredictRequest) -> Predictions:
        """Raises `NoChampion`, `ModelNotFound`, `ModelNotNamed`, `VersionNotLoaded` or `Overloaded`."""
        served = self._champions.version(request.model, request.version)
        items = [
            input_in(item, max_chars=self._max_text_chars, is_paired=served.engine.facts.is_paired)
            for item in request.texts
        ]
        answered = await self._answered(served, items)
        return Predictions(served, self._recorded(served, answered, top_k=request.top_k))

    async def _answered(self, served: Served, items: Sequence[Item]) -> list[Answered]:
        texts = [item for item in items if not isinstance(item, ItemError)]
        encoded = await encode(served.engine, texts)
        tokens = [item for item in encoded if isinstance(item, Encoded)]
        outputs = iter(await self._batcher.answer(served.engine, tokens))
        answered = iter(
            [
                item if isinstance(item, ItemError) else _joined(text, item, next(outputs))
                for text, item in zip(texts, encoded, strict=True)
            ]
        )
        return [item if isinstance(item, ItemError) else next(answered) for item in items]

    def _recorded(self, served: Served, answered: Sequence[Answered], *, top_k: int | None) -> list[Result]:
        records: list[PredictionRecord] = []
        results: list[Result] = []
        for item in answered:
            if isinstance(item, ItemError):
                self._metrics.count_item_error(item.code)
                results.append(item)
                continue
            _, encoded, outputs = item
            given = answer(served.engine, encoded, outputs, top_k=top_k)
            record = _record(served, given, *item)
            records.append(record)
            # Each label by itself: sets of them are too many to count, and clients choose which occur.
            self._metrics.count_prediction(served, given.get("labels", [record.label]), record.score)
            results.append(Prediction(record.id, given, outputs.probabilities[0]))
        self._recorder.offer(records)
        return results


def _joined(text: Text, encoded: Encoded, outputs: Outputs | ItemError) -> Answered:
    return outputs if isinstance(outputs, ItemError) else (text, encoded, outputs)


def _record(served: Served, given: dict[str, Any], asked: Text, encoded: Encoded, outputs: Outputs) -> PredictionRecord:
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
        embedding=outputs.embeddings[0],
        pair=pair,
    )
