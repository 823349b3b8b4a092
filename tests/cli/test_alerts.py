from __future__ import annotations

import json

import pytest

from core.ledger import Ledger
from core.ledger_tables.alerts import Alerts, Condition
from tests.cli.conftest import Command
from tests.cli.test_errors import assert_error
from tests.monitoring.alerts.receiver import running_receiver


def test_alerts_and_deliveries_are_listed(retune: Command, ledger: Ledger) -> None:
    assert retune("alerts")[1] == "No alert holds.\n"
    alerts = Alerts(ledger.database)
    alerts.update("tickets", [Condition("drift", "3", {})], {"drift": ["ops"]})
    delivery = alerts.take_due()
    assert delivery is not None
    alerts.failed(delivery, "it answered 500", again_in_s=None)
    lines = retune("alerts")[1].splitlines()
    assert lines[0].endswith("tickets: drift 3")
    assert lines[1].endswith("to ops: firing, given up after 1 tries: it answered 500")
    assert json.loads(retune("alerts", "--json")[1])["alerts"][0]["event"] == "drift"


def test_a_test_is_sent_to_each_webhook(retune: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    assert_error(retune("alerts", "--test"), "no webhook to test", "alerts.webhooks")
    with running_receiver() as receiver:
        monkeypatch.setenv("RETUNE_ALERTS__WEBHOOKS", json.dumps({"ops": {"url": receiver.url}}))
        code, _, err = retune("alerts", "--test")
        assert (code, receiver.got) == (1, [])
        assert "alerts.allow_private is false" in err
        monkeypatch.setenv("RETUNE_ALERTS__ALLOW_PRIVATE", "true")
        assert retune("alerts", "--test")[:2] == (0, "ops: sent.\n")
        assert receiver.told == [("test", "told")]
