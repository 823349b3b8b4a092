"""One answer as clients see it, the same over HTTP and on the command line."""

from __future__ import annotations

from typing import Any

import numpy as np

from core.engine import Encoded, Engine, Outputs


def answer(engine: Engine, encoded: Encoded, outputs: Outputs, *, top_k: int | None = None) -> dict[str, Any]:
    """The answer for the only row of `outputs`.

    `scores` holds the `top_k` likeliest labels (all by default), the likeliest first; `abstained` is
    true when the score is below the package's `abstain_below`.
    """
    probabilities = outputs.probabilities[0]
    order = np.argsort(-probabilities, kind="stable")
    score = float(probabilities[order[0]])
    return {
        "label": engine.labels[order[0]],
        "score": score,
        "scores": {engine.labels[index]: float(probabilities[index]) for index in order[:top_k]},
        "truncated": encoded.truncated,
        "abstained": score < (engine.facts.abstain_below or 0.0),
    }
