"""How a method does where every row validates once: for sets too small to trust one split."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from core.metrics import Floats
from finetune.measuring.metrics import Truth, evaluate
from finetune.measuring.temperature import probabilities_of
from finetune.task import Method, Task


def cross_validate(folds: Iterable[Task], method: Method) -> dict[str, Any]:
    """Run the method on each fold; every row is answered by the run that was not trained on it.

    Returns {"folds", "metric", "mean", "deviation", "values", "all_rows"}: the primary metric of each fold
    with its mean and standard deviation, and the metrics of all rows together.
    """
    answers: list[Floats] = []
    truths: list[Truth] = []
    values: list[float] = []
    for task in folds:
        scored = method(task).scored
        answers.append(probabilities_of(scored.logits, scored.temperature, task.kind))
        truths.append(task.validation.truth)
        values.append(scored.value)
    together = evaluate(np.concatenate(truths), np.concatenate(answers), labels=task.labels, kind=task.kind)
    return {
        "folds": len(values),
        "metric": scored.metric,
        "mean": float(np.mean(values)),
        "deviation": float(np.std(values, ddof=1)),
        "values": values,
        "all_rows": {**together.values, "intervals": {name: list(ends) for name, ends in together.intervals.items()}},
    }
