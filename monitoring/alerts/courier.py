"""Sends what waits in the ledger to the webhooks, in a thread of its own: one that hangs holds up nothing else."""

from __future__ import annotations

import json
import logging
import threading
import time
from types import TracebackType

from core.config import WebhookConfig
from core.errors import RetuneError, WebhookFailed
from core.home import Home
from core.isolated import isolated, sentence_of
from core.ledger_tables.alerts import Alerts, Delivery
from monitoring.alerts.conditions import conditions_of
from monitoring.alerts.forms.catalogue import FORMS
from monitoring.alerts.message import Message, message_of
from monitoring.alerts.post import post, signature

DELAYS_S = (10.0, 30.0, 120.0, 600.0, 3600.0, 21600.0)
"""Between two tries of a delivery; after the last one it is given up."""
POLL_S = 5.0
CLOSE_S = 10.0
log = logging.getLogger(__name__)


class Courier:
    """A context in which alerts are sent; at its end what is due is tried once more, for at most `CLOSE_S`."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._stop, self._news = threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None
        self._is_failing = False

    def __enter__(self) -> Courier:
        if self._home.config.alerts.webhooks:
            self._stop.clear()
            self._thread = threading.Thread(target=self._run, name="courier", daemon=True)
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stop.set()
        self._news.set()
        if self._thread is not None:
            self._thread.join(CLOSE_S)

    def tell(self, model: str) -> None:
        """Look at a model's records, and queue what is new. A failure is one line of the log."""
        with isolated(lambda error: log.warning("%s: alerts are not up to date: %s", model, sentence_of(error))):
            pointer = self._home.registry.pointer(model)
            if pointer is None or not self._home.ledger.database.exists():
                return
            webhooks = self._home.config.alerts.of_event
            conditions = conditions_of(self._home, model, pointer.version)
            Alerts(self._home.ledger.database).update(model, conditions, webhooks)
            self._news.set()

    def _run(self) -> None:
        while not self._stop.is_set():
            self._deliver()
            self._news.wait(POLL_S)
            self._news.clear()
        self._deliver()

    def _deliver(self) -> None:
        try:
            database = self._home.ledger.database
            if database.exists():
                deliver_due(self._home, Alerts(database))
            self._is_failing = False
        except RetuneError as error:
            if not self._is_failing:
                log.warning("Alerts wait, as the ledger is away: %s", error)
            self._is_failing = True


def deliver_due(home: Home, alerts: Alerts) -> None:
    """Try each delivery that is due. Raises `LedgerUnreadable`."""
    while (delivery := alerts.take_due()) is not None:
        try:
            send(home, delivery.webhook, message_of(delivery))
        except WebhookFailed as error:
            again_in_s = DELAYS_S[delivery.attempts - 1] if delivery.attempts <= len(DELAYS_S) else None
            alerts.failed(delivery, str(error), again_in_s=again_in_s)
            _log(delivery, error, again_in_s)
        else:
            alerts.sent(delivery)


def send(home: Home, name: str, message: Message) -> None:
    """Post a message to the webhook `name` of the config. Raises `WebhookFailed`."""
    settings = home.config.alerts
    webhook: WebhookConfig | None = settings.webhooks.get(name)
    if webhook is None:
        raise WebhookFailed(name, "it is no longer in alerts.webhooks")
    body = json.dumps(FORMS[webhook.form].body(message), ensure_ascii=False).encode()
    headers = {"Retune-Event": message.event, "Retune-Delivery": str(message.id)}
    if settings.secret:
        headers["Retune-Signature"] = signature(settings.secret, body, at_s=int(time.time()))
    post(webhook.url, body, headers, allow_private=settings.allow_private, timeout_s=settings.timeout_s)


def _log(delivery: Delivery, error: WebhookFailed, again_in_s: float | None) -> None:
    if again_in_s is None:
        log.error("Alert %s is given up after %d tries: %s", delivery.alert.id, delivery.attempts, error)
    elif delivery.attempts == 1:
        log.warning("Alert %s is not delivered yet: %s", delivery.alert.id, error)
