"""One prediction as a JSON object, the same over HTTP and on the command line."""

from __future__ import annotations

from typing import Any

from core.assigned import cells
from core.engine import Encoded, Engine, Outputs
from core.labels import names_in


def answer(engine: Engine, encoded: Encoded, outputs: Outputs, *, top_k: int | None = None) -> dict[str, Any]:
    """The prediction for the only row of `outputs`, as a JSON object.

    `scores` has the `top_k` most probable labels (all by default) in descending order; `abstained` is true when the
    score is below the package's `abstain_below`. For a multi-label model, `labels` is the list of assigned labels,
    `label` is the list joined by "|", and `score` is the score of the whole set.
    """
    probabilities = outputs.probabilities[0]
    order = (-probabilities).argsort(kind="stable")[:top_k]
    scores = dict(zip([engine.labels[index] for index in order.tolist()], probabilities[order].tolist(), strict=True))
    several: dict[str, Any] = {}
    if outputs.given is None:
        label, score = next(iter(scores.items()))
    else:
        label, score = cells(outputs.given, engine.labels)[0], float(outputs.confidence[0])
        several = {"labels": list(names_in(label))}
    return {
        "label": label,
        **several,
        "score": score,
        "scores": scores,
        "truncated": encoded.truncated,
        "all_unknown": encoded.all_unknown,
        "abstained": score < (engine.facts.abstain_below or 0.0),
    }
