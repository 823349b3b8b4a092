"""Frozen encoder, linear head: seconds once the embeddings are cached."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from finetune.head import Head, fit_head
from finetune.task import Fitted, Scored, Task, judged, score

# From stiff to loose, each starting from the last. On banking77 the log loss is least at 10.
STRENGTHS = (3.0, 10.0, 30.0, 100.0, 300.0)


@dataclass(frozen=True)
class _Step:
    strength: float
    head: Head
    scored: Scored


def fit_features(task: Task) -> Fitted:
    """The stiffest head along `STRENGTHS` whose validation loss is not above the least by more than chance.

    One standard error, as is usual for such paths (Breiman et al. 1984; Hastie et al. 2009, 7.10).
    """
    steps = list(_path(task))
    least = min(steps, key=lambda step: step.scored.loss)
    best = next(step for step in steps if not step.scored.is_worse_than(least.scored))
    reached = f"{best.scored.metric.replace('_', ' ')} {best.scored.value:.1%}"
    return Fitted(
        method="features",
        reason=f"The head on frozen features reaches {reached} on {len(task.validation.inputs)} validation rows.",
        encoder=task.encoder,
        head=best.head,
        scored=best.scored,
        settings={"strength": best.strength},
        history=[judged("head", step.scored, strength=step.strength) for step in steps],
    )


def _path(task: Task) -> Iterator[_Step]:
    """Heads from stiff to loose; ends with the first that is no better than the one before it."""
    head, lowest = None, float("inf")
    for number, strength in enumerate(STRENGTHS):
        task.on_progress("Fitting the head", number / len(STRENGTHS))
        head = fit_head(task.train.embeddings, task.train.truth, labels=len(task.labels), strength=strength, start=head)
        step = _Step(strength, head, score(head.logits(task.validation.embeddings), task))
        yield step
        if step.scored.loss >= lowest:
            break
        lowest = step.scored.loss
    task.on_progress("Fitting the head", 1.0)
