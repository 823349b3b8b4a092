"""Alerts, heartbeats and standings, on every database."""

from __future__ import annotations

import pytest

from core.events import Event
from core.ledger import Ledger
from core.ledger_tables.alerts import Alerts, Condition
from core.ledger_tables.heartbeats import Heartbeats
from core.ledger_tables.standing import Accuracy, Standing
from core.share import measured

DRIFT = Condition("drift", "1", {"rows": 3})
PROMOTED = Condition("promoted", "7", {}, is_moment=True)
WANTED: dict[Event, list[str]] = {"drift": ["a", "b"], "promoted": ["a"]}


@pytest.fixture
def alerts(ledger: Ledger) -> Alerts:
    return Alerts(ledger.database)


def taken(alerts: Alerts) -> list[tuple[str, str, str]]:
    found: list[tuple[str, str, str]] = []
    while (delivery := alerts.take_due()) is not None:
        found.append((delivery.webhook, delivery.alert.event, delivery.status))
        alerts.sent(delivery)
    return found


def test_a_condition_is_queued_when_it_begins_and_when_it_ends(alerts: Alerts) -> None:
    for _ in range(2):
        alerts.update("m", [DRIFT, PROMOTED], WANTED)
    assert [(one.event, one.facts) for one in alerts.open("m")] == [("drift", {"rows": 3})]
    assert alerts.open_counts() == {("m", "drift"): 1}
    assert taken(alerts) == [("a", "drift", "firing"), ("b", "drift", "firing"), ("a", "promoted", "told")]
    for _ in range(2):
        alerts.update("m", [PROMOTED], WANTED)
    assert taken(alerts) == [("a", "drift", "resolved"), ("b", "drift", "resolved")]
    alerts.update("m", [DRIFT], WANTED)
    assert [one.event for one in alerts.open()] == ["drift"]


def test_another_model_and_another_subject_are_other_alerts(alerts: Alerts) -> None:
    alerts.update("m", [DRIFT], {"drift": ["a"]})
    alerts.update("n", [DRIFT], {"drift": ["a"]})
    alerts.update("m", [Condition("drift", "2", {})], {"drift": ["a"]})
    states = [status for _, _, status in taken(alerts)]
    assert sorted(states) == ["firing", "firing", "firing", "resolved"]
    assert [(one.model, one.subject) for one in alerts.open()] == [("n", "1"), ("m", "2")]


def test_a_message_waits_for_the_one_before_it(alerts: Alerts) -> None:
    alerts.update("m", [DRIFT], {"drift": ["a"]})
    first = alerts.take_due()
    assert first is not None
    alerts.failed(first, "away", again_in_s=3600)
    alerts.update("m", [], {})
    assert alerts.take_due() is None
    assert alerts.delivery_counts() == [("a", 2, 0, 0)]
    alerts.failed(first, "away", again_in_s=None)
    assert taken(alerts) == [("a", "drift", "resolved")]
    assert alerts.delivery_counts() == [("a", 0, 1, 1)]
    assert [(one.status, one.error) for one in alerts.deliveries()] == [("resolved", None), ("firing", "away")]


def test_looking_makes_no_ledger(alerts: Alerts, ledger: Ledger) -> None:
    alerts.update("m", [], {})
    assert (alerts.open(), alerts.take_due(), alerts.deliveries(), ledger.database.exists()) == ([], None, [], False)


def test_a_process_is_running_until_it_ends(ledger: Ledger) -> None:
    beats = Heartbeats(ledger.database)
    beats.begin("monitor", "elsewhere/1/2")
    beats.beat("monitor", "elsewhere/1/2")
    assert [(beat.role, beat.is_running) for beat in beats.all()] == [("monitor", True)]
    beats.end("monitor", "elsewhere/1/2")
    assert [beat.is_running for beat in beats.all()] == [False]
    beats.begin("monitor", "elsewhere/3/4")
    assert [beat.owner for beat in beats.all()] == ["elsewhere/3/4"]


def test_a_model_has_one_standing(ledger: Ledger) -> None:
    assert ledger.standings.of("m") is None
    ledger.standings.record_time("m", "1", 2.5)
    accuracy = Accuracy(measured(3, 4), 0.9, 0.5)
    ledger.standings.record("m", "1", accuracy)
    found = ledger.standings.of("m")
    assert found is not None
    assert found == Standing("m", "1", found.created_at, accuracy, 2.5)
