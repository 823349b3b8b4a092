"""From texts to answers, without HTTP: check, tokenize, batch, record."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from core.answers import answer
from core.clock import sortable_id, utc_now
from core.datasets import Text
from core.engine import Encoded, Outputs
from core.records import PredictionRecord
from service.batching import Batcher
from service.champions import Champions, Served
from service.encoding import encode
from service.metrics import Metrics
from service.recorder import Recorder
from service.requests import ItemError, PredictRequest, input_in

Result = tuple[Text, Encoded, Outputs] | ItemError
Item = Text | ItemError


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

    async def predict(self, request: PredictRequest, key: str | None = None) -> dict[str, Any]:
        """The body of the answer; `key` is the name of the API key that asks.

        Raises `NoChampion`, `ModelNotFound`, `ModelNotNamed` or `Overloaded`.
        """
        served = self._champions.served(request.model)
        items = [
            input_in(item, max_chars=self._max_text_chars, is_paired=served.engine.facts.is_paired)
            for item in request.texts
        ]
        results = await self._results(served, items)
        return {
            "model": served.model,
            "version": served.version,
            "predictions": self._predictions(served, results, top_k=request.top_k, key=key),
        }

    async def _results(self, served: Served, items: Sequence[Item]) -> list[Result]:
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

    def _predictions(
        self, served: Served, results: Sequence[Result], *, top_k: int | None, key: str | None
    ) -> list[dict[str, Any]]:
        records: list[PredictionRecord] = []
        predictions: list[dict[str, Any]] = []
        for result in results:
            if isinstance(result, ItemError):
                self._metrics.count_item_error(result.code)
                predictions.append({"error": {"code": result.code, "message": result.message}})
                continue
            _, encoded, outputs = result
            given = answer(served.engine, encoded, outputs, top_k=top_k)
            record = _record(served, given, key, *result)
            records.append(record)
            # Each label by itself: sets of them are too many to count, and clients choose which occur.
            self._metrics.count_prediction(served, given.get("labels", [record.label]), record.score)
            predictions.append({"id": record.id, **given})
        self._recorder.offer(records)
        return predictions


def _joined(text: Text, encoded: Encoded, outputs: Outputs | ItemError) -> Result:
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
        embedding=outputs.embeddings[0],
        pair=pair,
        key=key,
    )
