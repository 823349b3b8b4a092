"""A loss of accuracy without a drift: what labels show whatever the checks say."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.champion import read_champion
from core.datasets import is_held_out
from core.home import Home
from core.ledger import Ledger
from core.records import TRAFFIC, Decision, FeedbackRecord, PredictionRecord, Verdict, Wanted
from lifecycle.drawn import random_texts, situation_of
from lifecycle.respond import respond
from tests.lifecycle.predictions import predicted

RIGHT, WRONG = "billing", "bug"
TEXTS = [f"words {number}" for number in range(600)]


@pytest.fixture
def home(home: Home, tiny_package: Path) -> Home:
    home.registry.promote("m", home.registry.add(tiny_package, "m"))
    return home


@pytest.fixture
def rows(home: Home, ledger: Ledger) -> list[PredictionRecord]:
    """Traffic that a check called ok."""
    assert (read_champion(home.registry, "m").reference_accuracy or 0) > 0.8
    found = predicted(ledger, len(TEXTS), RIGHT, texts=TEXTS)
    verdict = Verdict("ok", 0.5, len(found), 100, [], None, "As before.")
    ledger.record_check("m", "1", verdict, source=TRAFFIC, window_end=found[-1].id)
    return found


def decided(home: Home) -> Decision:
    return respond(home, read_champion(home.registry, "m")).decision


def labelled(ledger: Ledger, keys: list[str], label: str, *, source: str = "user") -> None:
    ledger.record_feedback([FeedbackRecord(key, label, source) for key in keys])


def held_out(rows: list[PredictionRecord]) -> list[str]:
    return [row.id for row in rows if is_held_out(row.text)]


def taught(ledger: Ledger, rows: list[PredictionRecord]) -> None:
    """Enough labels to train on, which say nothing of accuracy."""
    labelled(ledger, [row.id for row in rows if not is_held_out(row.text)][:12], RIGHT)


def drawn(ledger: Ledger, keys: list[str], *, purpose: str = "audit") -> None:
    wanted = [Wanted(key, "audit" if purpose == "audit" else "measure", 0.1) for key in keys]
    ledger.draws.record("m", "1", wanted, until_number=600, until="2026", ask=keys)


def test_random_texts_that_show_a_loss_lead_to_a_retrain_although_the_check_is_ok(
    home: Home, ledger: Ledger, rows: list[PredictionRecord]
) -> None:
    keys = held_out(rows)[:40]
    drawn(ledger, keys)
    assert decided(home).action == "none"
    labelled(ledger, keys[:20], WRONG)
    labelled(ledger, keys[20:], RIGHT)
    taught(ledger, rows)
    decision = decided(home)
    assert decision.action == "retrain"
    assert decision.reason.startswith("Accuracy fell: 20 of 40 texts drawn at random are right")
    situation = situation_of(home, read_champion(home.registry, "m"))
    assert len(situation.window) > 500


def test_without_labels_to_train_on_they_are_asked_for_first(
    home: Home, ledger: Ledger, rows: list[PredictionRecord]
) -> None:
    keys = held_out(rows)[:40]
    drawn(ledger, keys)
    labelled(ledger, keys, WRONG)
    decision = decided(home)
    assert decision.sentence == "label 120"
    assert "of the 10 labelled texts to train on (labels.min_texts) 0 are there" in decision.reason
    requests = ledger.label_requests("m")
    assert sum(request.purpose == "learn" for request in requests) == 78
    labelled(ledger, [request.prediction_id for request in requests[:50]], WRONG)
    assert decided(home).sentence == "label 70"
    labelled(ledger, [request.prediction_id for request in requests[50:]], WRONG)
    assert decided(home).action == "retrain"


def test_labels_that_came_by_themselves_ask_for_random_ones_which_settle_it(
    home: Home, ledger: Ledger, rows: list[PredictionRecord]
) -> None:
    labelled(ledger, held_out(rows)[:90:3], WRONG)
    taught(ledger, rows)
    decision = decided(home)
    assert (decision.sentence, decision.purpose) == ("label 40", "measure")
    assert "texts whose labels came by themselves are right" in decision.reason
    requests = [request.prediction_id for request in ledger.label_requests("m")]
    assert len(requests) == 40
    draws = ledger.draws.rows("m", "1")
    # Texts that have a label are drawn, too, and not asked for: the draws stand for all texts.
    assert 40 < len(draws) < 60
    assert {draw.chance for draw in draws} == {len(draws) / len(held_out(rows))}
    labelled(ledger, requests[:10], RIGHT)
    assert decided(home).sentence == "label 30"
    assert [request.prediction_id for request in ledger.label_requests("m")] == requests[10:]
    labelled(ledger, requests[10:], RIGHT)
    assert decided(home) == Decision("none", "As before.")


def test_more_random_texts_are_asked_for_while_they_point_to_a_loss(
    home: Home, ledger: Ledger, rows: list[PredictionRecord]
) -> None:
    drawn(ledger, held_out(rows)[:20])
    labelled(ledger, held_out(rows)[:9], WRONG)
    labelled(ledger, held_out(rows)[9:20], RIGHT)
    random = random_texts(situation_of(home, read_champion(home.registry, "m")))
    assert 0.05 < random.p_value < 0.25
    decision = decided(home)
    assert decision.sentence == "label 40"
    assert decision.reason.startswith("11 of 20 texts drawn at random are right")


def test_wrong_answers_alone_are_no_random_texts(home: Home, ledger: Ledger, rows: list[PredictionRecord]) -> None:
    """Of 100 drawn texts those are labelled that are wrong; a text without a label counts as right."""
    drawn(ledger, held_out(rows)[:100])
    labelled(ledger, held_out(rows)[:5], WRONG)
    labelled(ledger, held_out(rows)[99:100], WRONG)
    random = random_texts(situation_of(home, read_champion(home.registry, "m")))
    assert (random.rows, random.right) == (6, 0)
    assert random.p_value > 0.25


def test_labels_of_nearly_all_texts_are_as_good_as_random_ones(
    home: Home, ledger: Ledger, rows: list[PredictionRecord]
) -> None:
    keys = held_out(rows)
    labelled(ledger, keys[::2], WRONG)
    labelled(ledger, keys[1::2], RIGHT)
    taught(ledger, rows)
    assert decided(home).action == "retrain"


def test_half_of_the_texts_are_not_nearly_all(home: Home, ledger: Ledger, rows: list[PredictionRecord]) -> None:
    labelled(ledger, held_out(rows)[::2], WRONG)
    taught(ledger, rows)
    assert decided(home).sentence == "label 40"
