"""The contents of the page, from a checkpoint and its stored validation rows."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.arrays import Booleans, Numbers
from core.assigned import cells
from core.checkpoint import VALIDATION, Training, read_training
from core.datasets import Example, kept_dataset
from core.errors import DatasetNotKept
from core.features import truth_matrix, truth_of
from finetune.measuring.calibration import CalibrationBin, calibration_table
from finetune.measuring.metrics import Evaluation, evaluate
from finetune.measuring.temperature import probabilities_of
from finetune.measuring.thresholds import confidence_and_errors, uncalibrated_thresholds
from finetune.measuring.truth import Truth, predicted_labels, row_losses
from finetune.measuring.validation_outputs import ValidationOutputs, read_validation

WORST_EXAMPLES = 20


@dataclass(frozen=True)
class Answers:
    """The predictions on the n validation rows, and their evaluation before and after the temperature.

    `predicted`: (n,) label indices or (n, k) bool; `confidence`, `wrong` and `losses` (log loss in nats): (n,).
    """

    before: Evaluation
    after: Evaluation
    bins_before: list[CalibrationBin]
    bins_after: list[CalibrationBin]
    predicted: Truth
    confidence: Numbers
    wrong: Booleans
    losses: Numbers


@dataclass(frozen=True)
class WorstExample:
    text: str
    pair: str | None
    truth: str
    predicted: str
    confidence: float
    loss: float


@dataclass(frozen=True)
class Contents:
    """`missing`: one sentence per part that cannot be shown, with the reason."""

    training: Training
    answers: Answers | None
    worst: list[WorstExample]
    missing: list[str]


def gather(folder: Path, datasets: Path) -> Contents:
    """Reads a checkpoint and the rows stored under `datasets`; raises `CorruptCheckpoint`."""
    training = read_training(folder)
    outputs = read_validation(folder)
    if outputs is None:
        sentence = f"The checkpoint has no {VALIDATION}: the answers to the validation rows are not shown."
        return Contents(training, None, [], [f"{sentence} Checkpoints of this release have it."])
    answers = _answers(training, outputs)
    rows, problem = _rows(training, outputs, datasets)
    worst = _worst(rows, answers, training) if rows else []
    return Contents(training, answers, worst, [problem] if problem else [])


def _answers(training: Training, outputs: ValidationOutputs) -> Answers:
    truth = outputs.truth
    thresholds = np.array([training.thresholds.get(label, 0.5) for label in training.labels])
    raw, scores = (probabilities_of(outputs.logits, divisor, training.kind) for divisor in (1.0, training.temperature))
    before, after = (
        evaluate(truth, side, labels=training.labels, kind=training.kind, thresholds=cuts, seed=training.seed)
        for side, cuts in ((raw, uncalibrated_thresholds(thresholds, training.temperature)), (scores, thresholds))
    )
    predicted = predicted_labels(truth, scores, thresholds)
    confidence, wrong = confidence_and_errors(truth, scores, predicted)
    return Answers(
        before=before,
        after=after,
        bins_before=calibration_table(truth, raw),
        bins_after=calibration_table(truth, scores),
        predicted=predicted,
        confidence=confidence,
        wrong=wrong,
        losses=row_losses(truth, scores),
    )


def _rows(training: Training, outputs: ValidationOutputs, datasets: Path) -> tuple[list[Example], str | None]:
    """The validation rows in the order of the outputs, and None; if rows cannot be shown, no rows and the reason."""
    try:
        rows = kept_dataset(training.data.validation, datasets)
    except DatasetNotKept:
        name = training.data.validation[:12]
        return [], f"The validation rows {name}… are no longer stored here: the worst examples cannot be shown."
    truth = (truth_of if training.kind == "single-label" else truth_matrix)(rows, training.labels)
    if not np.array_equal(truth, outputs.truth):
        return [], "The stored validation rows do not match the answers: the worst examples are not shown."
    return rows, None


def _worst(rows: list[Example], answers: Answers, training: Training) -> list[WorstExample]:
    order = np.argsort(-answers.losses, kind="stable")[:WORST_EXAMPLES].tolist()
    predicted = cells(answers.predicted[order], training.labels)
    return [
        WorstExample(
            text=rows[row].text,
            pair=rows[row].pair,
            truth=rows[row].label or "",
            predicted=label,
            confidence=float(answers.confidence[row]),
            loss=float(answers.losses[row]),
        )
        for row, label in zip(order, predicted, strict=True)
    ]
