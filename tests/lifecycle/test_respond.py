from __future__ import annotations

from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from core.assigned import cells
from core.champion import read_champion
from core.engine import Engine
from core.home import Home
from core.ledger import Ledger
from core.promotion import promote, record_change
from core.records import (
    TRAFFIC,
    CannotTell,
    Decision,
    FeedbackRecord,
    GateRecord,
    GateVerdict,
    Outcome,
    PredictionRecord,
    Verdict,
)
from lifecycle.gate.refused import last_refused
from lifecycle.respond import respond
from tests.lifecycle.predictions import predicted
from tests.tiny import tiny_rows


def test_a_refusal_stays_valid_after_promotions_by_people(home: Home, ledger: Ledger) -> None:
    situation = cast(Any, SimpleNamespace(model="tickets", version="1", labelled=[], window=[], untold_keys=set()))
    assert last_refused(home, situation) is None
    gate = GateRecord(1, GateVerdict("hold", "not better", labels_needed=40))
    ledger.record_promotion("tickets", "2", previous="1", promoted=False, reason="not better", gate=gate)
    for version, previous in (("3", "1"), ("1", "3")):
        ledger.record_promotion("tickets", version, previous=previous, promoted=True, reason="By hand.", gate=None)
    refused = last_refused(home, situation)
    assert refused is not None
    assert (refused.record.version, refused.record.gate, refused.verdict) == ("2", gate, gate.verdict)


def checked(ledger: Ledger, verdict: Outcome, rows: list[PredictionRecord]) -> None:
    found = Verdict(verdict, 0.001 if verdict == "drift" else 0.5, len(rows), 100, [], None, "Checked.")
    ledger.record_check("m", "1", found, source=TRAFFIC, window_end=rows[-1].id)


def test_labels_that_come_after_the_next_check_are_used(ledger: Ledger, home: Home, tiny_package: Path) -> None:
    registry = home.registry
    registry.promote("m", registry.add(tiny_package, "m"))

    def decided() -> Decision:
        return respond(home, read_champion(home.registry, "m")).decision

    checked(ledger, "drift", predicted(ledger, 300))
    assert decided().count == 120
    requests = ledger.label_requests("m")
    checked(ledger, "drift", predicted(ledger, 300))
    assert decided() == Decision("label", "Inputs drifted; 0 of 120 requested labels are given.", 120)
    assert ledger.label_requests("m") == requests
    ledger.record_feedback([FeedbackRecord(item.prediction_id, "bug") for item in requests])
    checked(ledger, "drift", predicted(ledger, 300))
    assert decided().action == "retrain"


def test_texts_that_nobody_can_label_end_the_request_and_are_not_asked_for_again(
    ledger: Ledger, home: Home, tiny_package: Path
) -> None:
    home.registry.promote("m", home.registry.add(tiny_package, "m"))
    texts = [f"words {number}" for number in range(120)]
    checked(ledger, "drift", predicted(ledger, 120, texts=texts))
    assert respond(home, read_champion(home.registry, "m")).decision.count == 120
    ledger.untold.record([CannotTell(item.prediction_id) for item in ledger.label_requests("m")])
    checked(ledger, "drift", predicted(ledger, 120, texts=texts))
    decision = respond(home, read_champion(home.registry, "m")).decision
    assert decision.action == "watch"
    assert decision.reason.endswith("120 of 120 cannot be told.")
    for verdict in ("ok", "drift"):
        checked(ledger, verdict, predicted(ledger, 120, texts=texts))
    respond(home, read_champion(home.registry, "m"))
    assert ledger.label_requests("m") == []


def test_a_second_drift_requests_new_labels(ledger: Ledger, home: Home, tiny_package: Path) -> None:
    registry = home.registry
    registry.promote("m", registry.add(tiny_package, "m"))
    for verdict in ("drift", "ok", "drift"):
        rows = predicted(ledger, 300)
        checked(ledger, verdict, rows)
        respond(home, read_champion(home.registry, "m"))
    requests = {item.prediction_id for item in ledger.label_requests("m")}
    assert len(requests) == 120
    assert requests <= {row.id for row in rows}


def test_texts_labelled_for_one_version_are_not_requested_for_the_next(
    ledger: Ledger, home: Home, tiny_package: Path
) -> None:
    registry = home.registry
    registry.promote("m", registry.add(tiny_package, "m"))
    earlier = predicted(ledger, 40, version="0")
    ledger.record_feedback([FeedbackRecord(row.id, "bug") for row in earlier])
    rows = predicted(ledger, 80, texts=[row.text for row in earlier] + [f"new {number}" for number in range(40)])
    checked(ledger, "drift", rows)
    respond(home, read_champion(home.registry, "m"))
    requests = ledger.label_requests("m")
    assert len(requests) > 20
    assert all(item.text.startswith("new") for item in requests)


def test_labels_before_the_last_promotion_do_not_cause_a_rollback(
    ledger: Ledger, home: Home, tiny_package: Path, other_package: Path
) -> None:
    registry = home.registry
    registry.promote("m", registry.add(tiny_package, "m"))
    better = Engine(other_package)
    registry.promote("m", registry.add(other_package, "m"))
    texts = [f"{row.text} {number}" for number, row in enumerate(tiny_rows(400, seed=5))]
    right = cells(better.answer(texts).predicted, better.labels)

    def labelled_by_the_better_one() -> str:
        rows = predicted(ledger, len(texts), texts=texts)
        ledger.record_feedback([FeedbackRecord(row.id, label) for row, label in zip(rows, right, strict=True)])
        return respond(home, read_champion(home.registry, "m")).decision.action

    def promoted(version: str) -> None:
        promote(home, "m", version, on_change=partial(record_change, ledger, "m", "By hand."))

    predicted(ledger, 1)
    promoted("1")
    assert labelled_by_the_better_one() == "roll back"
    promoted("2")
    promoted("1")
    assert respond(home, read_champion(home.registry, "m")).decision.action != "roll back"


def test_the_decision_names_sources_whose_labels_count_for_nothing(
    ledger: Ledger, home: Home, tiny_package: Path
) -> None:
    home.registry.promote("m", home.registry.add(tiny_package, "m"))
    rows = predicted(ledger, 300)
    checked(ledger, "drift", rows)
    respond(home, read_champion(home.registry, "m"))
    ids = [item.prediction_id for item in ledger.label_requests("m")]
    ledger.record_feedback([FeedbackRecord(key, "billing", "desk") for key in ids])
    held = respond(home, read_champion(home.registry, "m")).decision
    ledger.record_feedback([FeedbackRecord(key, "bug", "bot") for key in ids])
    decision = respond(home, read_champion(home.registry, "m")).decision
    assert decision.action == held.action
    assert decision.reason.startswith(held.reason)
    assert "source 'bot' are set aside: it contradicts the sources before it on 120 of 120 texts" in decision.reason
