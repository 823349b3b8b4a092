"""Evaluation of a fitted classifier, and the training record of its checkpoint."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from core.arrays import Indices, Numbers
from core.checkpoint import Training
from core.home_processes.child_environment import absolute_base_model
from core.lineage import TrainingData
from finetune.encoders.base_models import BaseModel, facts_of
from finetune.encoders.encoder import embed
from finetune.measuring.fit_verdict import judge_fit
from finetune.measuring.metrics import Evaluation, evaluate
from finetune.measuring.temperature import probabilities_of
from finetune.measuring.thresholds import (
    Abstention,
    abstention_of,
    confidence_and_errors,
    tune_thresholds,
    uncalibrated_thresholds,
)
from finetune.measuring.truth import Truth, predicted_labels
from finetune.provenance import git_commit, machine, versions
from finetune.task import Fitted, Task

TRAIN_SAMPLE_ROWS = 1000
"""Number of training rows that are evaluated to measure the gap between training and validation accuracy."""


@dataclass(frozen=True)
class Outcome:
    """Evaluation on the validation rows with and without temperature, and on a sample of the training rows."""

    evaluation: Evaluation
    uncalibrated: Evaluation
    train: Evaluation
    thresholds: dict[str, float]
    abstention: Abstention | None


def outcome_of(fitted: Fitted, task: Task) -> Outcome:
    scored, truth = fitted.scored, task.validation.truth
    probabilities = probabilities_of(scored.logits, scored.temperature, task.kind)
    thresholds = tune_thresholds(probabilities, truth) if task.kind == "multi-label" else None

    def evaluated(truth: Truth, probabilities: Numbers, limits: Numbers | None = thresholds) -> Evaluation:
        return evaluate(
            truth, probabilities, labels=task.labels, kind=task.kind, thresholds=limits, seed=task.settings.seed
        )

    raw_thresholds = None if thresholds is None else uncalibrated_thresholds(thresholds, scored.temperature)
    rows, train_probabilities = _train_sample(fitted, task)
    return Outcome(
        evaluation=evaluated(truth, probabilities),
        uncalibrated=evaluated(truth, probabilities_of(scored.logits, 1.0, task.kind), raw_thresholds),
        train=evaluated(task.train.truth[rows], train_probabilities),
        thresholds={} if thresholds is None else dict(zip(task.labels, map(float, thresholds), strict=True)),
        abstention=_abstention(truth, probabilities, thresholds, max_risk=task.settings.max_risk),
    )


def _abstention(
    truth: Truth, probabilities: Numbers, thresholds: Numbers | None, *, max_risk: float | None
) -> Abstention | None:
    if max_risk is None:
        return None
    predicted = predicted_labels(truth, probabilities, thresholds)
    return abstention_of(*confidence_and_errors(truth, probabilities, predicted), max_risk=max_risk)


def _train_sample(fitted: Fitted, task: Task) -> tuple[Indices, Numbers]:
    """Indices and probabilities of a sample of the training rows."""
    count = len(task.train.inputs)
    rows = np.sort(np.random.default_rng(task.settings.seed).permutation(count)[:TRAIN_SAMPLE_ROWS])
    if fitted.encoder is task.encoder:
        embeddings = task.train.embeddings[rows]
    else:
        embeddings = embed(fitted.encoder, task.tokenizer, [task.train.inputs[row] for row in rows])
    return rows, probabilities_of(fitted.head.logits(embeddings), fitted.scored.temperature, task.kind)


def training_of(
    fitted: Fitted,
    outcome: Outcome,
    task: Task,
    *,
    base: BaseModel,
    data: TrainingData,
    folds: dict[str, Any],
    seconds: float,
) -> Training:
    return Training(
        labels=task.labels,
        method=fitted.method,
        reason=fitted.reason,
        pooling=base.pooling,
        max_length=task.tokenizer.max_length,
        temperature=fitted.scored.temperature,
        seed=task.settings.seed,
        base_model=asdict(facts_of(base)),
        data=data,
        settings={**task.settings.model_dump(), **fitted.settings},
        metrics=_metrics(outcome, folds),
        history=fitted.history,
        versions=versions(),
        seconds=round(seconds, 3),
        kind=task.kind,
        is_paired=not isinstance(task.train.inputs[0], str),
        primary_metric=task.settings.primary_metric,
        thresholds=outcome.thresholds,
        abstain_below=outcome.abstention.threshold if outcome.abstention else None,
        learning_rate=fitted.learning_rate,
        fit=judge_fit(fitted.history, outcome.train, outcome.evaluation),
        given={**task.settings.model_dump(), "base_model": absolute_base_model(task.settings.base_model)},
        provenance={**machine(), "git_commit": git_commit()},
    )


def _metrics(outcome: Outcome, folds: dict[str, Any]) -> dict[str, Any]:
    abstention = {"abstention": asdict(outcome.abstention)} if outcome.abstention else {}
    return {
        "validation": outcome.evaluation.as_dict(),
        "before_temperature": outcome.uncalibrated.as_dict(),
        "train_sample": outcome.train.as_dict(),
        **abstention,
        **({"cross_validation": folds} if folds else {}),
    }
