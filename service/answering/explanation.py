"""The JSON of an explanation, from the engine's outputs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from core.arrays import Floats
from core.datasets import Text
from core.engine import Engine, Outputs
from service.answering.likeness import Near
from service.answering.occlusion import Occluded, Part

MOST_LABELS = 8
"""Labels of a multi-label answer whose weights are given."""
DIGITS = 6
"""The further ones move with the batch."""
SHOWN_CHARS = 500
"""Of a labelled text."""

Explanation = dict[str, Any]


def failed(code: str, message: str) -> Explanation:
    """In place of an explanation: the answer goes out without it."""
    return {"error": {"code": code, "message": message}}


def weighted(
    engine: Engine, occluded: Occluded, answer: Outputs, left_out: Sequence[Outputs], *, label: str | None
) -> Explanation:
    """What each part adds to the probability of the explained label; of a multi-label model, of each label given."""
    probabilities = answer.probabilities[0]
    drops: Floats = probabilities - np.array([outputs.probabilities[0] for outputs in left_out]).reshape(
        len(left_out), len(probabilities)
    )
    labels = [engine.labels.index(label)] if label in engine.labels else _explained_labels(answer)
    is_single = answer.given is None
    return {
        "label": engine.labels[labels[0]],
        "score": float(probabilities[labels[0]]),
        "words_per_part": occluded.words_per_part,
        "parts": [
            {
                **_place(occluded.text, part),
                "weight": _rounded(drop[labels[0]]),
                **({} if is_single else {"weights": {engine.labels[index]: _rounded(drop[index]) for index in labels}}),
            }
            for part, drop in zip(occluded.parts, drops, strict=True)
        ],
    }


def _explained_labels(answer: Outputs) -> list[int]:
    """The labels of an answer, the likeliest first; the likeliest of all if it has none."""
    probabilities = answer.probabilities[0]
    order: list[int] = (-probabilities).argsort(kind="stable").tolist()
    if answer.given is None:
        return order[:1]
    return [index for index in order if answer.given[0][index]][:MOST_LABELS] or order[:1]


def _place(text: Text, part: Part) -> dict[str, Any]:
    if isinstance(text, str):
        return {"text": text[part.start : part.end], "start": part.start, "end": part.end}
    return {"of": part.of, "text": text[part.of][part.start : part.end], "start": part.start, "end": part.end}


def like(near: Near) -> dict[str, Any]:
    row = near.row
    pair = {} if row.pair is None else {"pair": row.pair[:SHOWN_CHARS]}
    shown = {"text": row.text[:SHOWN_CHARS], **pair, "label": row.label}
    return {**shown, "similarity": _rounded(near.similarity), "origin": row.origin}


def _rounded(number: float) -> float:
    return round(float(number), DIGITS)
