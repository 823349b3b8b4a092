from collections.abc import Callable

import numpy as np
import pytest
from sklearn.metrics import f1_score

from finetune.measuring.thresholds import abstention_of, confidence_and_errors, tune_thresholds


def posterior_draws(rng: np.random.Generator, rows: int, *, prior: float, apart: float) -> tuple[np.ndarray, ...]:
    """Calibrated scores of a label with the share `prior` of the rows, and which rows have it."""
    truth = rng.random(rows) < prior
    observed = rng.normal(0, 1, rows) + apart * truth
    return 1 / (1 + np.exp(-(np.log(prior / (1 - prior)) + apart * observed - apart**2 / 2))), truth


def test_tuned_thresholds_improve_f1_on_new_rows() -> None:
    rng = np.random.default_rng(0)
    gains = []
    for _ in range(40):
        scores, truth = posterior_draws(rng, 1000, prior=0.02, apart=1.5)
        fresh, fresh_truth = posterior_draws(rng, 10_000, prior=0.02, apart=1.5)
        threshold = tune_thresholds(scores[:, None], truth[:, None])[0]
        tuned, plain = (f1_score(fresh_truth, fresh >= cut, zero_division=0.0) for cut in (threshold, 0.5))
        gains.append(tuned - plain)
    assert np.mean(gains) > 0.1


def test_tuned_threshold_has_the_highest_f1() -> None:
    rng = np.random.default_rng(1)
    scores = np.round(rng.random((200, 2)), 2)
    truth = rng.random((200, 2)) < scores**2
    found = tune_thresholds(scores, truth)
    for label in range(2):
        every = [f1_score(truth[:, label], scores[:, label] >= cut) for cut in np.arange(0.05, 0.951, 0.005)]
        assert f1_score(truth[:, label], scores[:, label] >= found[label]) == pytest.approx(max(every))


def test_rare_label_keeps_the_default_threshold() -> None:
    scores = np.full((100, 2), 0.1)
    truth = np.zeros((100, 2), dtype=np.bool_)
    truth[:4, 0] = truth[:5, 1] = True
    scores[:5] = 0.3
    assert tune_thresholds(scores, truth).tolist() == [0.5, pytest.approx(0.2)]


def test_of_equally_good_thresholds_the_one_nearest_to_half_is_used() -> None:
    scores = np.array([[0.01]] * 10 + [[0.99]] * 10)
    assert tune_thresholds(scores, scores > 0.5).tolist() == [0.5]


def confidences(rng: np.random.Generator, rows: int) -> np.ndarray:
    """Confidences of a calibrated model that is wrong on one of six rows."""
    return 1 - 0.95 * rng.beta(0.4, 2, rows)


@pytest.mark.parametrize("max_risk", [0.05, 0.1])
@pytest.mark.parametrize("shape", ["calibrated", "noisy at the top", "just above", "step"])
def test_risk_exceeds_the_limit_in_at_most_five_percent_of_searches(shape: str, max_risk: float) -> None:
    """If the true rate is 5 %, the probability of more than 31 in 400 searches is below 0.01."""
    rng = np.random.default_rng(2)
    risks: dict[str, Callable[[np.ndarray], np.ndarray]] = {
        "calibrated": lambda confidence: 1 - confidence,
        "noisy at the top": lambda confidence: np.maximum(1 - confidence, max_risk / 2),
        "just above": lambda confidence: np.full(len(confidence), max_risk * 1.001),
        "step": lambda confidence: np.where(confidence > 0.95, max_risk / 2, max_risk * 2),
    }
    risk_at = risks[shape]
    population = np.sort(confidences(rng, 200_000))[::-1]
    true_risk = np.cumsum(risk_at(population)) / np.arange(1, len(population) + 1)
    exceeded = 0
    for _ in range(400):
        confidence = confidences(rng, 600)
        found = abstention_of(confidence, rng.random(600) < risk_at(confidence), max_risk=max_risk)
        if found.threshold is not None:
            answered = np.searchsorted(-population, -found.threshold, side="right")
            exceeded += true_risk[answered - 1] > max_risk
    assert exceeded <= 31


def test_coverage_is_close_to_the_possible_coverage() -> None:
    rng = np.random.default_rng(3)
    confidence = confidences(rng, 5000)
    found = abstention_of(confidence, rng.random(5000) < 1 - confidence, max_risk=0.05)
    possible = np.mean(np.cumsum(1 - np.sort(confidence)[::-1]) / np.arange(1, 5001) <= 0.05)
    assert found.coverage > possible - 0.08
    assert found.threshold is not None
    assert found.coverage == np.mean(confidence >= found.threshold)
    assert found.risk < found.risk_bound <= 0.05


def test_model_without_errors_never_abstains() -> None:
    probabilities = np.column_stack([np.linspace(0.6, 0.99, 400), np.linspace(0.4, 0.01, 400)])
    confidence, wrong = confidence_and_errors(np.zeros(400), probabilities, probabilities.argmax(axis=1))
    found = abstention_of(confidence, wrong, max_risk=0.05)
    assert (found.threshold, found.coverage) == (0.0, 1.0)


def test_unknown_label_counts_as_wrong() -> None:
    confidence, wrong = confidence_and_errors(np.full(400, -1), np.array([[0.9, 0.1]] * 400), np.zeros(400))
    found = abstention_of(confidence, wrong, max_risk=0.05)
    assert found.threshold is None
    assert "400 of the 400 most confident are wrong" in found.reason


def test_reason_for_too_few_rows_names_the_number_needed() -> None:
    found = abstention_of(np.linspace(0.5, 1, 40), np.zeros(40, dtype=np.bool_), max_risk=0.05)
    assert found.threshold is None
    assert found.reason.startswith("40 rows are too few to show a risk of 5.0 %: 86 ")
    enough = abstention_of(np.linspace(0.5, 1, 86), np.zeros(86, dtype=np.bool_), max_risk=0.05)
    assert enough.threshold == 0.0


def test_search_starts_at_the_number_of_rows_that_the_test_needs() -> None:
    """A risk of 1 % needs 437 rows, which are more than a quarter of 1,500."""
    confidence = np.linspace(0.2, 1, 1500)
    wrong = np.zeros(1500, dtype=np.bool_)
    wrong[: 1500 - 450] = True
    found = abstention_of(confidence, wrong, max_risk=0.01)
    assert found.coverage == pytest.approx(0.3)
    wrong[-10] = True
    none = abstention_of(confidence, wrong, max_risk=0.01)
    assert none.threshold is None
    assert "1 of the 437 most confident are wrong (0.2 %)" in none.reason


def test_rows_of_equal_confidence_are_answered_together() -> None:
    confidence = np.repeat([0.9, 0.8], 200)
    wrong = np.zeros(400, dtype=np.bool_)
    wrong[200:260] = True
    found = abstention_of(confidence, wrong, max_risk=0.05)
    assert found.threshold == pytest.approx(0.85)
    assert found.coverage == 0.5
