"""Cross-validation of a method, for data sets that are too small for one split."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from core.arrays import Numbers
from finetune.measuring.metrics import evaluate
from finetune.measuring.temperature import probabilities_of
from finetune.measuring.truth import Truth
from finetune.task import Method, Task


def cross_validate(folds: Iterable[Task], method: Method) -> dict[str, Any]:
    """Run the method on each fold and evaluate it on the validation rows of the fold.

    Returns {"folds", "metric", "mean", "deviation", "values", "all_rows"}: the primary metric per fold with its mean
    and standard deviation, and the metrics of all rows together.
    """
    probabilities: list[Numbers] = []
    truths: list[Truth] = []
    values: list[float] = []
    for task in folds:
        scored = method(task).scored
        probabilities.append(probabilities_of(scored.logits, scored.temperature, task.kind))
        truths.append(task.validation.truth)
        values.append(scored.value)
    all_rows = evaluate(np.concatenate(truths), np.concatenate(probabilities), labels=task.labels, kind=task.kind)
    return {
        "folds": len(values),
        "metric": scored.metric,
        "mean": float(np.mean(values)),
        "deviation": float(np.std(values, ddof=1)),
        "values": values,
        "all_rows": {**all_rows.values, "intervals": {name: list(ends) for name, ends in all_rows.intervals.items()}},
    }
