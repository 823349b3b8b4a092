"""From texts to answers, without HTTP: check, tokenize, batch, record."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from core.answers import answer
from core.clock import sortable_id, utc_now
from core.engine import Encoded, Outputs
from core.records import PredictionRecord
from service.batching import Batcher
from service.champions import Champions, Served
from service.encoding import encode
from service.metrics import Metrics
from service.recorder import Recorder
from service.requests import ItemError, PredictRequest, problem_of

Result = tuple[Encoded, Outputs] | ItemError


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

    async def predict(self, request: PredictRequest) -> dict[str, Any]:
        """The body of the answer; raises `NoChampion`, `ModelNotFound`, `ModelNotNamed` or `Overloaded`."""
        served = self._champions.served(request.model)
        results = await self._results(served, request.texts)
        return {
            "model": served.model,
            "version": served.version,
            "predictions": self._predictions(served, request, results),
        }

    async def _results(self, served: Served, texts: Sequence[Any]) -> list[Result]:
        problems = [problem_of(text, max_chars=self._max_text_chars) for text in texts]
        usable = [text for text, problem in zip(texts, problems, strict=True) if problem is None]
        encoded = await encode(served.engine, usable)
        tokens = [item for item in encoded if isinstance(item, Encoded)]
        outputs = iter(await self._batcher.answer(served.engine, tokens))
        answered = iter([item if isinstance(item, ItemError) else _joined(item, next(outputs)) for item in encoded])
        return [problem or next(answered) for problem in problems]

    def _predictions(self, served: Served, request: PredictRequest, results: Sequence[Result]) -> list[dict[str, Any]]:
        records: list[PredictionRecord] = []
        predictions: list[dict[str, Any]] = []
        for text, result in zip(request.texts, results, strict=True):
            if isinstance(result, ItemError):
                self._metrics.count_item_error(result.code)
                predictions.append({"error": {"code": result.code, "message": result.message}})
                continue
            given = answer(served.engine, *result, top_k=request.top_k)
            record = _record(served, text, given, *result)
            records.append(record)
            self._metrics.count_prediction(served, record.label, record.score)
            predictions.append({"id": record.id, **given})
        self._recorder.offer(records)
        return predictions


def _joined(encoded: Encoded, outputs: Outputs | ItemError) -> Result:
    return outputs if isinstance(outputs, ItemError) else (encoded, outputs)


def _record(served: Served, text: str, given: dict[str, Any], encoded: Encoded, outputs: Outputs) -> PredictionRecord:
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
    )
