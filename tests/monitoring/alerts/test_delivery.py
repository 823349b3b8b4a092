"""Alerts reach webhooks: real requests to a real server."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import TypeAdapter

from core.config import AlertsConfig, FormName
from core.errors import WebhookFailed
from core.home import Home
from core.ledger_tables.alerts import Alerts
from core.ledger_tables.standing import Accuracy
from core.records import TRAFFIC, Decision, Evidence, Verdict
from core.share import Share, measured
from monitoring.alerts import courier
from monitoring.alerts.courier import Courier, deliver_due
from monitoring.alerts.forms.catalogue import FORMS
from monitoring.alerts.message import Message
from monitoring.alerts.post import post
from tests.monitoring.alerts.receiver import Receiver, running_receiver
from tests.monitoring.conftest import MODEL, Served
from tests.monitoring.test_round import monitor

DRIFT = Verdict(
    "drift", 0.001, 300, 150, [Evidence("embeddings", drifted=True)], Share(0.8, 0.7, 0.9, 300), "It moved."
)
OK = Verdict("ok", 0.6, 300, 150)
SCHEMA = Path(__file__).parents[3] / "docs" / "schemas" / "alert.schema.json"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with running_receiver() as running:
        yield running


@pytest.fixture
def home(served: Served, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setattr(courier, "DELAYS_S", (0.0, 0.0))
    return with_alerts(served.home, {"ops": {"url": receiver.url}}, secret="shared")


def with_alerts(home: Home, webhooks: dict[str, Any], **settings: Any) -> Home:
    alerts = AlertsConfig.model_validate({"webhooks": webhooks, "allow_private": True, **settings})
    home.config = home.config.model_copy(update={"alerts": alerts})
    return home


def record(home: Home, verdict: Verdict, decision: Decision) -> None:
    check_id = home.ledger.record_check(MODEL, "1", verdict, source=TRAFFIC)
    home.ledger.record_decision(MODEL, decision, check_id=check_id)
    Courier(home).tell(MODEL)


def deliver(home: Home) -> None:
    deliver_due(home, Alerts(home.ledger.database))


def states(home: Home) -> list[tuple[str, int, int, int]]:
    return Alerts(home.ledger.database).delivery_counts()


def test_a_drift_is_told_once_and_resolved_once(home: Home, receiver: Receiver) -> None:
    for _ in range(3):
        record(home, DRIFT, Decision("label", count=40))
        deliver(home)
    record(home, OK, Decision("none"))
    deliver(home)
    assert sorted(receiver.told) == [
        ("drift", "firing"),
        ("drift", "resolved"),
        ("labels_asked", "firing"),
        ("labels_asked", "resolved"),
    ]
    assert Alerts(home.ledger.database).open() == []
    first, last = receiver.bodies[0], receiver.bodies[-1]
    assert first["facts"]["features"] == ["embeddings"]
    assert "300 texts of tickets@1 differ from its reference in embeddings (p = 0.001)." in first["text"]
    assert last["title"].startswith("Resolved: tickets: ")


def test_a_message_is_as_the_docs_say_and_signed(home: Home, receiver: Receiver) -> None:
    home.ledger.standings.record(MODEL, "1", Accuracy(measured(30, 60), 0.9, 0.01, is_lost=True))
    home.ledger.record_promotion(MODEL, "1", previous=None, promoted=True, reason="", gate=None)
    home.jobs.fail(taken_job(home), "boom")
    for action in ("retrain", "roll back"):
        record(home, DRIFT, Decision(action))
    deliver(home)
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    assert {key: schema[key] for key in schema if key != "$schema"} == TypeAdapter(Message).json_schema()
    events = {"drift", "accuracy_lost", "promoted", "job_failed", "retrain", "roll_back"}
    assert {body["event"] for body in receiver.bodies} == events
    for path, headers, body in receiver.got:
        TypeAdapter(Message).validate_json(body, strict=True)
        assert json.loads(body).keys() == schema["properties"].keys()
        at, made = (part.split("=", 1)[1] for part in headers["Retune-Signature"].split(","))
        assert made == hmac.new(b"shared", at.encode() + b"." + body, hashlib.sha256).hexdigest()
        assert path == "/hook?key=geheim"


def taken_job(home: Home) -> Any:
    home.jobs.enqueue(MODEL, "retrain")
    return home.jobs.take("me/1/2")


def test_a_failed_job_is_resolved_by_a_later_one(home: Home, receiver: Receiver) -> None:
    home.jobs.fail(taken_job(home), "boom")
    Courier(home).tell(MODEL)
    home.jobs.finish(taken_job(home), {})
    Courier(home).tell(MODEL)
    deliver(home)
    assert receiver.told == [("job_failed", "firing"), ("job_failed", "resolved")]


def test_a_message_is_tried_again_after_a_500_and_given_up_in_the_end(home: Home, receiver: Receiver) -> None:
    receiver.answers = [500, 200]
    record(home, DRIFT, Decision("none"))
    deliver(home)
    assert [body["id"] for body in receiver.bodies] == [1, 1]
    assert states(home) == [("ops", 0, 1, 0)]
    receiver.answers = [500, 503, 500]
    record(home, OK, Decision("none"))
    deliver(home)
    assert len(receiver.got) == 5
    assert states(home) == [("ops", 0, 1, 1)]
    assert "answered 500" in str(Alerts(home.ledger.database).deliveries()[0].error)


def test_what_was_never_told_is_not_resolved(home: Home, receiver: Receiver) -> None:
    receiver.answers = [500] * 3
    record(home, DRIFT, Decision("none"))
    deliver(home)
    record(home, OK, Decision("none"))
    deliver(home)
    assert receiver.told == [("drift", "firing")] * 3


def test_two_processes_send_a_message_once(home: Home, receiver: Receiver) -> None:
    record(home, DRIFT, Decision("none"))
    other = Home(home.config)
    alerts = Alerts(home.ledger.database)
    taken = alerts.take_due()
    assert taken is not None
    assert Alerts(other.ledger.database).take_due() is None
    alerts.sent(taken)
    other.close()


def test_a_redirect_is_a_failure_and_not_followed(home: Home, receiver: Receiver) -> None:
    receiver.answers = [302] * 3
    record(home, DRIFT, Decision("none"))
    deliver(home)
    assert len(receiver.got) == 3
    assert "redirects (302)" in str(Alerts(home.ledger.database).deliveries()[0].error)


def test_a_webhook_gets_only_its_events_in_its_form(home: Home, receiver: Receiver) -> None:
    hooks = {form: {"url": receiver.url, "form": form, "events": ["drift"]} for form in ("slack", "teams")}
    record(with_alerts(home, hooks), DRIFT, Decision("label", count=3))
    deliver(home)
    slack, teams = sorted(receiver.bodies, key=lambda body: "type" in body)
    assert slack["text"].startswith("*tickets: inputs drifted*\n300 texts")
    assert teams["attachments"][0]["content"]["body"][0]["text"] == "tickets: inputs drifted"
    assert len(receiver.got) == 2


@pytest.mark.parametrize("form", get_args(FormName))
def test_every_form_is_json_with_the_title(form: FormName) -> None:
    facts = {"labels": 3}
    message = Message(1, 1, 1, "labels_asked", "firing", "m", "1", "", "", "a & b <c>", "text", "", facts)
    assert "b " in json.dumps(FORMS[form].body(message))


def test_a_webhook_that_hangs_holds_up_no_round(served: Served, receiver: Receiver) -> None:
    receiver.answers = [0] * 9
    home = with_alerts(served.home, {"ops": {"url": receiver.url}}, timeout_s=0.3)
    home.ledger.record_promotion(MODEL, "1", previous=None, promoted=True, reason="", gate=None)
    rounds, output = monitor(home)
    assert rounds.run(once=True, stop=threading.Event())
    assert [checked.check.verdict.outcome for checked in output.checked] == ["insufficient_data"]
    assert output.problems == []
    assert receiver.told == [("promoted", "told")]
    assert states(home) == [("ops", 1, 0, 0)]


def test_a_webhook_that_sends_a_byte_now_and_then_is_left(receiver: Receiver) -> None:
    receiver.answers = [0]
    with pytest.raises(WebhookFailed, match="'127.0.0.1' got no message"):
        post(receiver.url, b"{}", {}, allow_private=True, timeout_s=0.2)


def test_the_round_of_a_monitor_tells_by_itself(served: Served, receiver: Receiver) -> None:
    home = with_alerts(served.home, {"ops": {"url": receiver.url}})
    home.ledger.record_promotion(MODEL, "1", previous=None, promoted=True, reason="", gate=None)
    rounds, _ = monitor(home)
    assert rounds.run(once=True, stop=threading.Event())
    assert receiver.told == [("promoted", "told")]


def test_no_secret_is_in_the_log_or_in_the_ledger(
    home: Home, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    receiver.answers = [500] * 3
    record(home, DRIFT, Decision("none"))
    deliver(home)
    stored = (home.folder / "ledger.db").read_bytes() + (home.folder / "ledger.db-wal").read_bytes()
    assert len(caplog.messages) == 2
    for secret in ("geheim", "shared"):
        assert secret not in caplog.text
        assert secret.encode() not in stored
        assert secret not in repr(home.config.alerts)
