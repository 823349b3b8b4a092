"""Golden answers: predictions recorded with a package, by which its verification recognises it."""

from __future__ import annotations

from typing import Any

from core.assigned import cells
from core.datasets import Example
from core.engine import Engine

GOLDEN_ROWS = 3


def golden_answer(engine: Engine, row: Example) -> dict[str, Any]:
    """The prediction in a batch of this text alone: with dynamic quantization it depends on the batch."""
    alone = engine.answer([row.input])
    return {
        "text": row.text,
        **({} if row.pair is None else {"pair": row.pair}),
        "label": cells(alone.predicted, engine.labels)[0],
        "scores": {
            label: round(float(score), 6) for label, score in zip(engine.labels, alone.probabilities[0], strict=True)
        },
    }
