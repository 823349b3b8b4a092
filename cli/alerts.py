"""`retune alerts`."""

from __future__ import annotations

import sys

import click

from cli.context import Run, info, pass_run
from core.clock import utc_now
from core.errors import NoWebhooks, WebhookFailed
from core.ledger_tables.alerts import Alert, Alerts, Delivery, DeliveryState
from core.stored import as_stored


@click.command()
@click.option("--test", is_flag=True, help="Send a test to each webhook, now.")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1), help="Deliveries to list.")
@pass_run
def alerts(run: Run, test: bool, limit: int) -> None:
    """List the alerts that hold, and the latest deliveries to webhooks."""
    if test:
        _test(run)
        return
    stored = Alerts(run.home.ledger.database)
    held, sent = stored.open(), stored.deliveries(limit=limit)
    lines = [f"{one.begun_at[:19]}  {one.model}: {one.event} {one.subject}" for one in held]
    run.emit(
        {"alerts": [as_stored(one) for one in held], "deliveries": [as_stored(one) for one in sent]},
        *(lines or ["No alert holds."]),
        *(f"{one.created_at[:19]}  to {one.webhook}: {one.status}, {_state(one)}" for one in sent),
    )


def _state(delivery: DeliveryState) -> str:
    if delivery.sent_at:
        return f"sent {delivery.sent_at[:19]}"
    waits = "waits" if delivery.due_s is not None else "given up"
    tried = f" after {delivery.attempts} tries: {delivery.error}" if delivery.error else ""
    return waits + tried


def _test(run: Run) -> None:
    from monitoring.alerts.courier import send
    from monitoring.alerts.message import message_of

    webhooks = run.config.alerts.webhooks
    if not webhooks:
        raise NoWebhooks
    now, problems = utc_now(), {}
    for name in webhooks:
        alert = Alert(0, "retune", "test", "", {}, now, now)
        try:
            send(run.home, name, message_of(Delivery(0, alert, name, "told", now, 1)))
        except WebhookFailed as error:
            problems[name] = str(error)
            info(f"{name}: {error}")
    sent = [name for name in webhooks if name not in problems]
    run.emit({"sent": sent, "failed": problems}, *(f"{name}: sent." for name in sent))
    if problems:
        sys.exit(1)
