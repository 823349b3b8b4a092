"""A ledger without texts: drift is detected and accuracy measured, and no labels are requested."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core.champion import read_champion
from core.clock import sortable_id, utc_now
from core.config import LabelsConfig
from core.errors import NoTexts
from core.home import Home
from core.ledger import Ledger
from core.records import Decision, FeedbackRecord, PredictionRecord, Verdict
from core.registry import Registry
from lifecycle.challengers.training_set import build_training_set
from lifecycle.labels.queue import NO_TEXTS, choose
from lifecycle.respond import respond
from lifecycle.situation import assess

VECTOR = np.zeros(4, dtype=np.float32)


def prediction(text: str = "", label: str = "billing") -> PredictionRecord:
    return PredictionRecord(sortable_id(), "m", "1", utc_now(), text, label, 0.5, 3, False, VECTOR)


@pytest.fixture
def registry(home: Home, tiny_package: Path) -> Registry:
    home.registry.promote("m", home.registry.add(tiny_package, "m"))
    return home.registry


@pytest.fixture
def drifted(ledger: Ledger, registry: Registry) -> list[PredictionRecord]:
    """80 rows without texts, and a check that says drift."""
    rows = [prediction() for _ in range(80)]
    ledger.record_predictions(rows)
    verdict = Verdict("drift", 0.001, 80, 100, [], None, "It moved.")
    ledger.record_check("m", "1", verdict, source="traffic", window_end=rows[-1].id)
    return rows


def decided(home: Home) -> Decision:
    return respond(home, read_champion(home.registry, "m")).decision


def test_rows_without_texts_are_never_selected() -> None:
    window = [prediction() for _ in range(30)] + [prediction("a text"), prediction("another")]
    chosen = choose(window, labelled=set(), settings=LabelsConfig(budget=20), seed=1)
    assert {row.prediction_id for row in chosen} == {row.id for row in window[30:]}


@pytest.mark.usefixtures("drifted")
def test_after_drift_no_labels_are_requested_and_the_decision_says_why(home: Home, ledger: Ledger) -> None:
    decision = decided(home)
    assert decision.action == "watch"
    assert decision.reason.endswith(NO_TEXTS)
    assert ledger.label_requests("m") == []


def test_labels_without_a_request_measure_accuracy(home: Home, ledger: Ledger, drifted: list[PredictionRecord]) -> None:
    ledger.record_feedback([FeedbackRecord(row.id, "bug") for row in drifted[:40]])
    decision = decided(home)
    assert decision.action == "retrain"
    assert "0 of 40" in decision.reason


def test_a_retrain_without_texts_is_an_error(home: Home, ledger: Ledger, drifted: list[PredictionRecord]) -> None:
    ledger.record_feedback([FeedbackRecord(row.id, "bug") for row in drifted[:40]])
    situation = assess(home, read_champion(home.registry, "m"))
    with pytest.raises(NoTexts, match=r"None of the 40 labels .*'features'.*retune finetune"):
        build_training_set(home, situation)


def test_labels_are_requested_for_the_texts_that_are_stored(
    home: Home, ledger: Ledger, drifted: list[PredictionRecord]
) -> None:
    ledger.record_predictions([prediction(f"text {number}") for number in range(10)])
    assert decided(home).sentence == "label 10"
    assert len(ledger.label_requests("m")) == 10
