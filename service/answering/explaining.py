"""Explanations of answers: which words speak for a label, and which labelled texts are like the text.

They come after the answers and change nothing of them: the texts with words left out are not recorded, not counted as
traffic, and wait in the engine's background.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from core.config import ServiceConfig
from core.datasets import Text, input_of
from core.engine import Encoded, Engine, Outputs
from core.home import Home
from service.answering.batcher import Batcher
from service.answering.champions import Champions
from service.answering.explanation import Explanation, failed, like, weighted
from service.answering.items import INLINE_CHARS, NOT_ENCODABLE, ItemError, chars_of
from service.answering.length_buckets import EngineResult
from service.answering.likeness import Likeness, RunInThread
from service.answering.model import ServedVersion
from service.answering.occlusion import Occluded, occlude
from service.answering.predictor import Predictions, in_time
from service.refusals import Overloaded, TimedOut

MOST_PARTS = 64
MOST_LIKE = 5
MOST_WAITING = 64
"""Texts that wait for their explanation in a worker."""
BUSY_SHARE = 0.5
"""Of the full queue: from here on explanations are refused, long before predictions are."""
TIME_SHARE = 0.9
"""Of the server's time limit; then the answers go out without the rest of the explanations."""


class Explainer:
    """One text at a time in a worker. All calls must come from one event loop."""

    def __init__(
        self, home: Home, champions: Champions, batcher: Batcher, settings: ServiceConfig, *, run: RunInThread
    ) -> None:
        """`run` calls a function in a thread."""
        self._champions = champions
        self._batcher = batcher
        self._settings = settings
        self._turn = asyncio.Lock()
        self._waiting = 0
        self._likeness = Likeness(home, run=run, embed=self._in_turn)

    def require_room(self, texts: int) -> None:
        """Raise `Overloaded` if predictions or other explanations already wait."""
        busy = self._batcher.wait_s / self._settings.max_queue_s
        full = self._batcher.waiting / self._settings.max_queue_items
        if max(busy, full) > BUSY_SHARE or self._waiting + texts > MOST_WAITING:
            raise Overloaded(max(1, math.ceil(self._batcher.wait_s)))

    async def of_predictions(
        self, texts: Sequence[Any], predictions: Predictions, *, shows_like: bool, timeout_s: float
    ) -> list[Explanation | None]:
        """The explanation of each prediction of `texts`, or an error in its place; None for items without prediction.

        `shows_like`: whether the asker may see labelled texts.
        """
        ends_at = asyncio.get_running_loop().time() + timeout_s
        found: list[Explanation | None] = []
        with self._counted(len(texts)):
            for given, result in zip(texts, predictions.results, strict=True):
                if isinstance(result, ItemError):
                    found.append(None)
                    continue
                text = tuple(given) if isinstance(given, list) else given
                explained = self._explained(predictions.served, text, result.outputs, shows_like=shows_like)
                found.append(await _in_time(explained, ends_at))
        return found

    async def of_text(
        self,
        model: str,
        text: str,
        pair: str | None = None,
        *,
        version: str | None = None,
        label: str | None = None,
        timeout_s: float = 10.0,
    ) -> Explanation:
        """The explanation of a stored text for an operator's page; nothing is recorded.

        `version`: as in `PredictRequest`. `label`: the label that the weights are for, instead of the answer's. Raises
        `Overloaded`, and as `Champions.version`.
        """
        served = self._champions.version(model, version)
        self.require_room(1)
        ends_at = asyncio.get_running_loop().time() + timeout_s
        with self._counted(1):
            return await _in_time(self._explained(served, input_of(text, pair), label=label), ends_at)

    @contextmanager
    def _counted(self, texts: int) -> Iterator[None]:
        self._waiting += texts
        try:
            yield
        finally:
            self._waiting -= texts

    async def _explained(
        self,
        served: ServedVersion,
        text: Text,
        answered: Outputs | None = None,
        *,
        shows_like: bool = True,
        label: str | None = None,
    ) -> Explanation:
        """`answered`: the outputs for the text, if it has been answered."""
        occluded = await _occluded(served.engine, text)
        if isinstance(occluded, ItemError):
            return failed(occluded.code, occluded.message)
        rows = occluded.rows if answered is not None else [occluded.encoded, *occluded.rows]
        results = await self._in_turn(served, rows)
        outputs: list[Outputs] = []
        for result in results:
            if isinstance(result, ItemError):
                return failed(result.code, result.message)
            outputs.append(result)
        answer, left_out = (answered, outputs) if answered is not None else (outputs[0], outputs[1:])
        explanation = weighted(served.engine, occluded, answer, left_out, label=label)
        explanation["rows"] = len(rows)
        if shows_like:
            near = await self._likeness.nearest(served, answer.embeddings[0], most=MOST_LIKE)
            explanation |= {"like": [like(each) for each in near.rows], "compared": near.compared}
        return explanation

    async def _in_turn(self, served: ServedVersion, rows: Sequence[Encoded]) -> list[EngineResult]:
        async with self._turn:
            return await self._batcher.answer_in_background(served.engine, rows)


async def _in_time(explained: Coroutine[Any, Any, Explanation], ends_at: float) -> Explanation:
    """`ends_at`: in seconds of the event loop's clock."""
    left_s = ends_at - asyncio.get_running_loop().time()
    try:
        return await in_time(explained, max(0.0, left_s))
    except TimedOut as error:
        return failed(error.code, "The explanation was not ready in time. Send fewer or shorter texts.")


async def _occluded(engine: Engine, text: Text) -> Occluded | ItemError:
    if chars_of(text) <= INLINE_CHARS:
        return _occlude(engine, text)
    return await asyncio.to_thread(_occlude, engine, text)


def _occlude(engine: Engine, text: Text) -> Occluded | ItemError:
    try:
        return occlude(engine, text, most=MOST_PARTS)
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException:  # panics of the tokenizer do not derive from Exception
        return NOT_ENCODABLE
