"""Linear probing: a linear head on frozen features. It takes seconds if the embeddings are cached."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from core.share import percent
from finetune.head import Head, fit_head
from finetune.task import Fitted, Scored, Task, history_entry, score

# From strong to weak regularisation (scikit-learn's C). On banking77 the log loss is lowest at 10.
C_VALUES = (3.0, 10.0, 30.0, 100.0, 300.0)


@dataclass(frozen=True)
class _Step:
    c: float
    head: Head
    scored: Scored


def fit_features(task: Task) -> Fitted:
    """The head with the strongest regularisation whose validation loss is within one standard error of the lowest.

    The one-standard-error rule: Breiman et al. 1984; Hastie et al. 2009, 7.10.
    """
    steps = list(_regularization_path(task))
    least = min(steps, key=lambda step: step.scored.loss)
    best = next(step for step in steps if not step.scored.is_worse_than(least.scored))
    reached = f"{best.scored.metric.replace('_', ' ')} {percent(best.scored.value)}"
    return Fitted(
        method="features",
        reason=f"The head on frozen features reaches {reached} on {len(task.validation.inputs)} validation rows.",
        encoder=task.encoder,
        head=best.head,
        scored=best.scored,
        settings={"strength": best.c},
        history=[history_entry("head", step.scored, strength=step.c) for step in steps],
    )


def _regularization_path(task: Task) -> Iterator[_Step]:
    """Heads for rising `C_VALUES`, each initialised with the previous head, until the validation loss does not fall."""
    head, lowest = None, float("inf")
    for number, c in enumerate(C_VALUES):
        task.on_progress("Fitting the head", number / len(C_VALUES))
        head = fit_head(task.train.embeddings, task.train.truth, label_count=len(task.labels), c=c, start=head)
        step = _Step(c, head, score(head.logits(task.validation.embeddings), task))
        yield step
        if step.scored.loss >= lowest:
            break
        lowest = step.scored.loss
    task.on_progress("Fitting the head", 1.0)
