from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np

from core.clock import sortable_id, utc_now
from core.config import Config
from core.ledger import Ledger, open_ledger
from core.records import TRAFFIC, Decision, FeedbackRecord, PredictionRecord, Verdict, VerdictName
from core.registry import open_registry
from lifecycle.respond import _after_refusal, respond


def test_a_refusal_counts_whatever_people_put_in_service_since(tmp_path: Path) -> None:
    ledger = open_ledger(Config(home=tmp_path))
    situation = cast(Any, SimpleNamespace(version="1", labelled=[]))
    assert _after_refusal("tickets", situation, ledger=ledger) is None
    gate = {"labels_needed": 40}
    ledger.record_promotion("tickets", "2", previous="1", promoted=False, reason="not better", gate=gate)
    for version, previous in (("3", "1"), ("1", "3")):
        ledger.record_promotion("tickets", version, previous=previous, promoted=True, reason="By hand.", gate={})
    assert _after_refusal("tickets", situation, ledger=ledger) == Decision(
        "label", "The gate refused tickets@2: not better", 40
    )


def predicted(ledger: Ledger, count: int, label: str = "billing") -> list[PredictionRecord]:
    """Answers of the champion that a check finds to be of a new kind."""
    vectors = np.random.default_rng(0).normal(size=(count, 4)).astype(np.float32)
    rows = [
        PredictionRecord(key := sortable_id(), "m", "1", utc_now(), f"text {key}", label, 0.5, 3, False, vector)
        for vector in vectors
    ]
    ledger.record_predictions(rows)
    return rows


def checked(ledger: Ledger, verdict: VerdictName, rows: list[PredictionRecord]) -> None:
    found = Verdict(verdict, 0.001 if verdict == "drift" else 0.5, len(rows), 100, [], None, "It was looked at.")
    ledger.record_check("m", "1", found, source=TRAFFIC, window_end=rows[-1].id)


def test_labels_that_are_slower_than_the_checks_are_judged_all_the_same(
    ledger: Ledger, config: Config, tiny_package: Path
) -> None:
    registry = open_registry(config)
    registry.promote("m", registry.add(tiny_package, "m"))

    def decided() -> Decision:
        return respond("m", registry=registry, ledger=ledger, config=config).decision

    checked(ledger, "drift", predicted(ledger, 300))
    assert decided().count == 120
    asked = ledger.label_requests("m")
    checked(ledger, "drift", predicted(ledger, 300))
    assert decided() == Decision("label", "Inputs drifted; 0 of the 120 labels asked for are here.", 120)
    assert ledger.label_requests("m") == asked
    ledger.record_feedback([FeedbackRecord(item.prediction_id, "bug") for item in asked])
    checked(ledger, "drift", predicted(ledger, 300))
    assert decided().action == "retrain"


def test_a_drift_after_one_that_has_passed_asks_for_labels_of_its_own(
    ledger: Ledger, config: Config, tiny_package: Path
) -> None:
    registry = open_registry(config)
    registry.promote("m", registry.add(tiny_package, "m"))
    for verdict in ("drift", "ok", "drift"):
        rows = predicted(ledger, 300)
        checked(ledger, verdict, rows)
        respond("m", registry=registry, ledger=ledger, config=config)
    asked = {item.prediction_id for item in ledger.label_requests("m")}
    assert len(asked) == 120
    assert asked <= {row.id for row in rows}
