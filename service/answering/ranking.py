"""The labels of a champion for texts that people label, the most probable first. Nothing is recorded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.datasets import Text
from core.engine import Encoded, Outputs
from core.errors import RetuneError
from service.answering.batcher import Batcher
from service.answering.champions import Champions
from service.answering.items import ItemError, checked_input, encode


@dataclass(frozen=True)
class Ranked:
    """`suggested`: what the champion answers, one label or a set; `score`: its probability; `labels`: the most probable
    ones.
    """

    suggested: list[str]
    score: float
    labels: list[str]


async def ranked(
    champions: Champions, batcher: Batcher, model: str, texts: Sequence[Text], *, max_chars: int, count: int
) -> list[Ranked | None]:
    """Up to `count` labels for each text; None where the champion cannot answer it now, or there is none."""
    try:
        engine = champions.served(model).engine
        is_paired = engine.facts.is_paired
        given = [text if isinstance(text, str) else list(text) for text in texts]
        items = [checked_input(item, max_chars=max_chars, is_paired=is_paired) for item in given]
        encoded = iter(await encode(engine, [item for item in items if not isinstance(item, ItemError)]))
        tokens = [item if isinstance(item, ItemError) else next(encoded) for item in items]
        answers = iter(await batcher.answer(engine, [item for item in tokens if isinstance(item, Encoded)]))
    except RetuneError:  # people label without a suggestion, too
        return [None] * len(texts)
    results = [next(answers) if isinstance(item, Encoded) else item for item in tokens]
    return [_ranked(item, engine.labels, count) if isinstance(item, Outputs) else None for item in results]


def _ranked(outputs: Outputs, labels: Sequence[str], count: int) -> Ranked:
    order = np.argsort(-outputs.probabilities[0], kind="stable").tolist()
    best = [labels[place] for place in order[:count]]
    given = best[:1]
    if outputs.given is not None:
        given = [labels[place] for place in np.flatnonzero(outputs.given[0]).tolist()]
    return Ranked(given, float(outputs.confidence[0]), best)
