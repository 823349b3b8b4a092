"""Detection of underfitting and overfitting; see docs/finetune.md, Overfitting."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from math import hypot, inf, isfinite
from typing import Any, Literal

from core.share import percent, wilson_interval
from finetune.measuring.metrics import Evaluation

MIN_RISE = 0.10
"""Overfitting: minimum relative rise of the validation loss; epochs vary by a few per cent by chance."""

MIN_GAP = 0.05
"""Overfitting: minimum gap between training and validation accuracy; after fine-tuning, a few points are usual."""

MIN_FALL = 0.05
"""Underfitting: minimum relative fall of the validation loss in the last epoch."""

MIN_TRAIN_ERROR = 0.05
"""Underfitting: minimum error rate on the training rows."""

Verdict = Literal["healthy", "underfit", "overfit"]


@dataclass(frozen=True)
class Curve:
    """The validation losses of the epochs.

    `rise`: last loss divided by lowest loss, minus 1; `last_fall`: relative fall in the last epoch. `train_fell`:
    whether the training loss fell between the epochs of these two losses; None if it was not recorded.
    """

    epochs: int
    lowest_validation_loss: float
    last_validation_loss: float
    rise: float
    last_fall: float
    train_fell: bool | None


@dataclass(frozen=True)
class Gap:
    """Training accuracy minus validation accuracy, with a 95 % interval (Newcombe 1998, method 10)."""

    train_accuracy: float
    validation_accuracy: float
    gap: float
    gap_low: float
    gap_high: float


def judge_fit(
    history: Sequence[Mapping[str, Any]],
    train: Evaluation,
    validation: Evaluation,
) -> dict[str, Any]:
    """{"verdict", "reason": one sentence, and the fields of `Gap` and `Curve`} as JSON values.

    `history`: as in `core.checkpoint.Training`. `train` (a sample of the training rows is enough) and `validation`:
    evaluations of the kept weights.
    """
    gap, curve = _gap(train, validation), _curve(history)
    majority_share = _majority_share(train)
    verdict, reason = _verdict(gap, curve, rows=train.rows, majority_share=majority_share)
    numbers = {**asdict(gap), **(asdict(curve) if curve else {}), "majority_share": majority_share}
    return {"verdict": verdict, "reason": reason, **numbers}


def _majority_share(train: Evaluation) -> float:
    """Accuracy of always predicting the most frequent label; 0 for multi-label models, for which it is not computed."""
    if train.kind == "multi-label":
        return 0.0
    return max(scores.support for scores in train.per_label) / train.rows


def _verdict(gap: Gap, curve: Curve | None, *, rows: int, majority_share: float) -> tuple[Verdict, str]:
    train, validation = percent(gap.train_accuracy), percent(gap.validation_accuracy)
    if wilson_interval(round(gap.train_accuracy * rows), rows)[0] <= majority_share:
        return "underfit", (
            f"It is right on {train} of its training rows; always answering the most frequent label is right on "
            f"{percent(majority_share)}."
        )
    if curve and _is_overfit(gap, curve):
        return "overfit", (
            f"Validation loss ended {percent(curve.rise, 0)} above its lowest "
            f"({curve.last_validation_loss:.3f} against {curve.lowest_validation_loss:.3f}), "
            f"and the kept weights are right on {train} of the training rows and on {validation} of the validation "
            "rows."
        )
    if curve and curve.last_fall >= MIN_FALL and gap.gap < MIN_GAP and gap.train_accuracy < 1 - MIN_TRAIN_ERROR:
        return "underfit", (
            f"Validation loss was still falling, by {percent(curve.last_fall, 0)} in the last epoch, "
            f"and it is right on only {train} of its training rows ({validation} of the validation rows)."
        )
    return "healthy", (
        f"It is right on {train} of its training rows and on {validation} of the validation rows{_end(curve)}."
    )


def _is_overfit(gap: Gap, curve: Curve) -> bool:
    return curve.rise >= MIN_RISE and curve.train_fell is not False and gap.gap >= MIN_GAP and gap.gap_low > 0


def _end(curve: Curve | None) -> str:
    if curve is None:
        return ""
    if curve.rise < MIN_RISE:
        return f"; validation loss ended {percent(curve.rise, 0)} above its lowest" if curve.rise else ""
    return (
        f"; validation loss ended {percent(curve.rise, 0)} above its lowest, and the kept weights are from before that"
    )


def _gap(train: Evaluation, validation: Evaluation) -> Gap:
    shares = train.values["accuracy"], validation.values["accuracy"]
    (low, high), (low_validation, high_validation) = (
        wilson_interval(round(share * side.rows), side.rows)
        for share, side in zip(shares, (train, validation), strict=True)
    )
    difference = shares[0] - shares[1]
    return Gap(
        *shares,
        gap=difference,
        gap_low=difference - hypot(shares[0] - low, high_validation - shares[1]),
        gap_high=difference + hypot(high - shares[0], shares[1] - low_validation),
    )


def _curve(history: Sequence[Mapping[str, Any]]) -> Curve | None:
    """The curve of the fine-tuning epochs with a finite loss; None if there are fewer than two."""
    tuned = [entry for entry in history if entry.get("step") == "fine-tuning"]
    epochs = [entry for entry in tuned if isfinite(entry.get("validation_loss", inf))]
    if len(epochs) < 2:
        return None
    losses = [float(entry["validation_loss"]) for entry in epochs]
    lowest = losses.index(min(losses))
    return Curve(
        epochs=len(epochs),
        lowest_validation_loss=losses[lowest],
        last_validation_loss=losses[-1],
        rise=losses[-1] / losses[lowest] - 1 if losses[lowest] else 0.0,
        last_fall=1 - losses[-1] / losses[-2] if losses[-2] else 0.0,
        train_fell=_fell(epochs[lowest].get("train_loss"), epochs[-1].get("train_loss")),
    )


def _fell(before: float | None, after: float | None) -> bool | None:
    return None if before is None or after is None else after <= before
