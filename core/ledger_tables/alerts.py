"""The ledger's tables of alerts and of their deliveries to webhooks: what was not delivered yet is sent later."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Connection, RowMapping, and_, delete, exists, func, insert, select, update

from core.clock import days_ago, utc_now
from core.database import Database
from core.events import Event
from core.schema import alerts, deliveries

Status = Literal["firing", "resolved", "told"]
"""A condition that holds, one that ended, and what happened once."""
KEPT_DAYS = 90
LEASE_S = 60.0
"""After so long a process that took a delivery has died, and another one may send it."""


@dataclass(frozen=True)
class Condition:
    """What someone should know of a model: `subject` is the version, job or promotion; `facts`: JSON values.

    `is_moment`: it happened once; others hold until they end.
    """

    event: Event
    subject: str
    facts: dict[str, Any]
    is_moment: bool = False


@dataclass(frozen=True)
class Alert:
    """A condition with the time for which it holds; `ended_at` None: it still does."""

    id: int
    model: str
    event: Event
    subject: str
    facts: dict[str, Any]
    begun_at: str
    ended_at: str | None


@dataclass(frozen=True)
class Delivery:
    """A message about an alert to one webhook; `attempts`: this one included."""

    id: int
    alert: Alert
    webhook: str
    status: Status
    created_at: str
    attempts: int


@dataclass(frozen=True)
class DeliveryState:
    """`due_s`: when it is tried next, in seconds since 1970; without it, it was sent or given up."""

    webhook: str
    status: Status
    created_at: str
    attempts: int
    due_s: float | None
    sent_at: str | None
    error: str | None


class Alerts:
    """Every method is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def update(self, model: str, conditions: Sequence[Condition], wanted: Mapping[Event, Collection[str]]) -> None:
        """Begin the alerts of new conditions, end those of conditions that no longer hold, and queue the deliveries.

        A condition is told once however often it is seen. `wanted`: the webhooks of each event.
        """
        changes = self._changes(model, conditions)
        if not any(changes):
            return
        with self._database.write() as connection:
            now = utc_now()
            _forget_old(connection)
            begun, ended = _changes(connection, model, conditions)  # another process may have told them meanwhile
            for alert in ended:
                connection.execute(update(alerts).where(alerts.c.id == alert["id"]).values(ended_at=now))
                for webhook in _told(connection, alert["id"]):
                    _queue(connection, alert["id"], webhook, "resolved", now)
            for one in begun:
                row = {"model": model, "event": one.event, "subject": one.subject, "facts": one.facts, "begun_at": now}
                new = insert(alerts).values(**row, ended_at=now if one.is_moment else None).returning(alerts.c.id)
                key = connection.execute(new).scalar_one()
                for webhook in wanted.get(one.event, ()):
                    _queue(connection, key, webhook, "told" if one.is_moment else "firing", now)

    def open(self, model: str | None = None) -> list[Alert]:
        """The alerts whose conditions hold, oldest first."""
        query = select(alerts).where(alerts.c.ended_at.is_(None)).order_by(alerts.c.id)
        query = query if model is None else query.where(alerts.c.model == model)
        with self._database.read() as connection:
            return [Alert(**row) for row in connection.execute(query).mappings()]

    def take_due(self) -> Delivery | None:
        """The oldest delivery that is due, for this process alone; None if there is none.

        A message waits until the one before it, of the same alert to the same webhook, is sent or given up.
        """
        with self._database.read() as connection:
            if connection.execute(_due()).first() is None:
                return None
        with self._database.write() as connection:
            row = connection.execute(_due()).mappings().first()
            if row is None:
                return None
            taken = {"attempts": row["attempts"] + 1, "due_s": time.time() + LEASE_S}
            connection.execute(update(deliveries).where(deliveries.c.id == row["id"]).values(taken))
            alert = connection.execute(select(alerts).where(alerts.c.id == row["alert_id"])).mappings().one()
        told = {key: row[key] for key in ("id", "webhook", "status", "created_at")}
        return Delivery(**told, alert=Alert(**alert), attempts=taken["attempts"])

    def sent(self, delivery: Delivery) -> None:
        self._set(delivery, due_s=None, sent_at=utc_now(), error=None)

    def failed(self, delivery: Delivery, error: str, *, again_in_s: float | None) -> None:
        """`again_in_s` None: it is given up."""
        self._set(delivery, due_s=None if again_in_s is None else time.time() + again_in_s, error=error)

    def deliveries(self, *, limit: int = 20) -> list[DeliveryState]:
        """Most recent first."""
        columns = [deliveries.c[name] for name in DeliveryState.__dataclass_fields__]
        query = select(*columns).order_by(deliveries.c.id.desc()).limit(limit)
        with self._database.read() as connection:
            return [DeliveryState(**row) for row in connection.execute(query).mappings()]

    def open_counts(self) -> dict[tuple[str, str], int]:
        """The number of alerts whose conditions hold, by model and event."""
        query = select(alerts.c.model, alerts.c.event, func.count()).where(alerts.c.ended_at.is_(None))
        with self._database.read() as connection:
            rows = connection.execute(query.group_by(alerts.c.model, alerts.c.event))
            return {(model, event): count for model, event, count in rows}

    def delivery_counts(self) -> list[tuple[str, int, int, int]]:
        """Of each webhook its name, and how many deliveries wait, were sent, and were given up."""
        waiting, sent = deliveries.c.due_s.is_not(None), deliveries.c.sent_at.is_not(None)
        counts = (func.count().filter(which) for which in (waiting, sent, ~waiting & ~sent))
        with self._database.read() as connection:
            query = select(deliveries.c.webhook, *counts).group_by(deliveries.c.webhook)
            return [(row[0], row[1], row[2], row[3]) for row in connection.execute(query)]

    def _changes(self, model: str, conditions: Sequence[Condition]) -> tuple[list[Condition], list[RowMapping]]:
        with self._database.read() as connection:
            return _changes(connection, model, conditions)

    def _set(self, delivery: Delivery, **values: Any) -> None:
        with self._database.write() as connection:
            connection.execute(update(deliveries).where(deliveries.c.id == delivery.id).values(values))


def _changes(
    connection: Connection, model: str, conditions: Sequence[Condition]
) -> tuple[list[Condition], list[RowMapping]]:
    """The conditions that have no alert, and the alerts that have no condition."""
    query = select(alerts).where(alerts.c.model == model, alerts.c.ended_at.is_(None))
    rows = connection.execute(query).mappings().all()
    held = {(one.event, one.subject) for one in conditions}
    known = {(row["event"], row["subject"]) for row in rows}
    begun = [
        one for one in conditions if (one.event, one.subject) not in known and not _is_told(connection, model, one)
    ]
    return begun, [row for row in rows if (row["event"], row["subject"]) not in held]


def _is_told(connection: Connection, model: str, one: Condition) -> bool:
    """Whether it happened once, and has an alert."""
    same = (alerts.c.model == model, alerts.c.event == one.event, alerts.c.subject == one.subject)
    return one.is_moment and connection.execute(select(alerts.c.id).where(*same)).first() is not None


def _told(connection: Connection, alert_id: int) -> list[str]:
    """The webhooks that were told, or will be, that the alert fires."""
    is_given_up = deliveries.c.due_s.is_(None) & deliveries.c.sent_at.is_(None)
    query = select(deliveries.c.webhook).where(deliveries.c.alert_id == alert_id, ~is_given_up)
    return list(connection.scalars(query))


def _queue(connection: Connection, alert_id: int, webhook: str, status: Status, now: str) -> None:
    row = {"alert_id": alert_id, "webhook": webhook, "status": status, "created_at": now}
    connection.execute(insert(deliveries).values(**row, attempts=0, due_s=0.0))


def _due() -> Any:
    earlier = deliveries.alias()
    is_before = and_(
        earlier.c.alert_id == deliveries.c.alert_id,
        earlier.c.webhook == deliveries.c.webhook,
        earlier.c.id < deliveries.c.id,
        earlier.c.due_s.is_not(None),
    )
    return (
        select(deliveries)
        .where(deliveries.c.due_s <= time.time(), ~exists().where(is_before))
        .order_by(deliveries.c.due_s, deliveries.c.id)
        .limit(1)
    )


def _forget_old(connection: Connection) -> None:
    old = select(alerts.c.id).where(alerts.c.ended_at < days_ago(KEPT_DAYS))
    connection.execute(delete(deliveries).where(deliveries.c.alert_id.in_(old)))
    connection.execute(delete(alerts).where(alerts.c.ended_at < days_ago(KEPT_DAYS)))
