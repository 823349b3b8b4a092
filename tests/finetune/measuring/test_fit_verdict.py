import json
from typing import Any

import pytest

from finetune.measuring.fit_verdict import judge_fit
from finetune.measuring.metrics import Evaluation, LabelScores


def epochs(*losses: tuple[float, float]) -> list[dict[str, Any]]:
    head = {"step": "head", "validation_loss": 9.0}
    tuned = [
        {"step": "fine-tuning", "epoch": number, "train_loss": train, "validation_loss": validation}
        for number, (train, validation) in enumerate(losses, 1)
    ]
    return [head, *tuned]


def evaluation(accuracy: float, *, rows: int = 1000) -> Evaluation:
    return Evaluation(
        kind="single-label",
        rows=rows,
        values={"accuracy": accuracy},
        intervals={},
        per_label=[LabelScores(name, 0.0, 0.0, 0.0, rows // 2) for name in "ab"],
    )


OVERFITS = epochs((0.9, 0.60), (0.4, 0.50), (0.1, 0.55), (0.02, 0.70))
LEVELS_OFF = epochs((0.9, 0.60), (0.5, 0.45), (0.4, 0.42), (0.38, 0.415))
FALLING = epochs((1.9, 1.80), (1.6, 1.55), (1.4, 1.38))


def test_rising_validation_loss_with_a_large_gap_is_overfit() -> None:
    found = judge_fit(OVERFITS, evaluation(0.99), evaluation(0.85))
    assert found["verdict"] == "overfit"
    assert "40 % above its lowest (0.700 against 0.500)" in found["reason"]
    assert "99.0 %" in found["reason"]
    assert found["rise"] == pytest.approx(0.4)
    assert found["gap"] == pytest.approx(0.14)
    assert 0.11 < found["gap_low"] < found["gap"] < found["gap_high"] < 0.17


def test_risen_loss_is_healthy_if_the_kept_weights_are_from_before_the_rise() -> None:
    found = judge_fit(OVERFITS, evaluation(0.90), evaluation(0.88))
    assert found["verdict"] == "healthy"
    assert "the kept weights are from before that" in found["reason"]


def test_large_gap_is_healthy_if_validation_loss_does_not_rise() -> None:
    """Few rows are soon fitted exactly, which does no harm as long as the validation loss falls."""
    assert judge_fit(LEVELS_OFF, evaluation(1.0), evaluation(0.86))["verdict"] == "healthy"


def test_gap_within_chance_is_healthy() -> None:
    assert judge_fit(OVERFITS, evaluation(0.93, rows=60), evaluation(0.86, rows=60))["verdict"] == "healthy"


def test_loss_that_rises_on_training_rows_too_is_not_overfit() -> None:
    diverged = epochs((0.5, 0.5), (2.0, 2.0))
    assert judge_fit(diverged, evaluation(0.95), evaluation(0.85))["verdict"] == "healthy"


def test_falling_loss_with_low_training_accuracy_is_underfit() -> None:
    found = judge_fit(FALLING, evaluation(0.62), evaluation(0.60))
    assert found["verdict"] == "underfit"
    assert "by 11 % in the last epoch" in found["reason"]
    assert "62.0 %" in found["reason"]


def test_falling_loss_with_high_training_accuracy_is_healthy() -> None:
    assert judge_fit(FALLING, evaluation(0.985), evaluation(0.98))["verdict"] == "healthy"


def test_constant_loss_is_healthy() -> None:
    assert judge_fit(LEVELS_OFF, evaluation(0.89), evaluation(0.87))["verdict"] == "healthy"


def test_accuracy_of_the_majority_label_is_underfit() -> None:
    found = judge_fit([], evaluation(0.52), evaluation(0.50))
    assert found["verdict"] == "underfit"
    assert "always answering the most frequent label is right on 50.0 %" in found["reason"]


def test_head_without_epochs_has_a_verdict() -> None:
    found = judge_fit([{"step": "head", "validation_loss": 0.2}], evaluation(0.97), evaluation(0.95))
    assert found["verdict"] == "healthy"
    assert "rise" not in found


def test_overfit_is_detected_without_training_loss() -> None:
    unrecorded = [{key: value for key, value in entry.items() if key != "train_loss"} for entry in OVERFITS]
    assert judge_fit(unrecorded, evaluation(0.99), evaluation(0.85))["verdict"] == "overfit"


def test_epochs_without_a_finite_loss_are_ignored() -> None:
    diverged = [*LEVELS_OFF, {"step": "fine-tuning", "epoch": 5, "validation_loss": float("nan")}]
    assert judge_fit(diverged, evaluation(0.89), evaluation(0.87)) == judge_fit(
        LEVELS_OFF, evaluation(0.89), evaluation(0.87)
    )


def test_verdict_is_safe_for_json() -> None:
    found = judge_fit(OVERFITS, evaluation(0.99), evaluation(0.85))
    assert json.loads(json.dumps(found, allow_nan=False)) == found
