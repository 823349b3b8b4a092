"""The ledger's table of incidents: breaches of what was promised of a version, and what was done."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sqlalchemy import func, insert, select, update

from core.clock import utc_now
from core.database import Database
from core.schema import feedback, incidents

Cause = Literal["accuracy", "disagreement", "abstentions", "errors", "latency", "no way back"]
Act = Literal["rolling back", "rolled back", "told"]
"""`rolling back`: begun, and not known to be done; `told`: nothing was changed."""


@dataclass(frozen=True)
class Incident:
    """`reason`: what was found; `done`: what was done, in a sentence; `previous`: the version before, if any.

    `after_label`: number of the last label before it, so that later labels are known to be new.
    """

    id: int
    model: str
    version: str
    previous: str | None
    guard_id: int | None
    created_at: str
    cause: Cause
    action: Act
    reason: str
    done: str
    after_label: int
    ended_at: str | None


class Incidents:
    """Every method is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(
        self,
        model: str,
        version: str,
        *,
        previous: str | None,
        guard_id: int | None,
        cause: Cause,
        action: Act,
        reason: str,
        done: str,
    ) -> Incident:
        """Add an incident, unless the guard has one of this cause, which is then returned."""
        same = (incidents.c.guard_id == guard_id, incidents.c.cause == cause)
        row = {"model": model, "version": version, "previous": previous, "guard_id": guard_id, "cause": cause}
        last = select(func.coalesce(func.max(feedback.c.id), 0)).scalar_subquery()
        with self._database.write() as connection:
            if connection.execute(select(incidents.c.id).where(*same)).first() is None:
                now = utc_now()
                more = {"created_at": now, "ended_at": None if action == "rolling back" else now, "after_label": last}
                connection.execute(insert(incidents).values(**row, **more, action=action, reason=reason, done=done))
            return Incident(**connection.execute(select(incidents).where(*same)).mappings().one())

    def settle(self, incident: Incident, action: Act, done: str) -> None:
        """Note how it ended."""
        with self._database.write() as connection:
            values = {"action": action, "done": done, "ended_at": utc_now()}
            connection.execute(update(incidents).where(incidents.c.id == incident.id).values(values))

    def begun(self, guard_id: int) -> Incident | None:
        """The roll back of a guard that began and is not known to have ended."""
        query = select(incidents).where(incidents.c.guard_id == guard_id, incidents.c.action == "rolling back")
        with self._database.read() as connection:
            row = connection.execute(query).mappings().first()
        return Incident(**row) if row else None

    def last_of_each(self) -> dict[str, Incident]:
        """The last incident of each model that has one."""
        last = select(func.max(incidents.c.id)).group_by(incidents.c.model)
        with self._database.read() as connection:
            rows = connection.execute(select(incidents).where(incidents.c.id.in_(last))).mappings()
            return {row["model"]: Incident(**row) for row in rows}

    def latest(self, model: str, *, limit: int = 20, before: int | None = None) -> list[Incident]:
        """Most recent first; `before`: only those with a smaller id."""
        query = select(incidents).where(incidents.c.model == model).order_by(incidents.c.id.desc()).limit(limit)
        query = query if before is None else query.where(incidents.c.id < before)
        with self._database.read() as connection:
            return [Incident(**row) for row in connection.execute(query).mappings()]

    def counts(self, model: str) -> dict[Act, int]:
        """How many incidents of a model have each action."""
        query = select(incidents.c.action, func.count()).where(incidents.c.model == model)
        with self._database.read() as connection:
            return {action: count for action, count in connection.execute(query.group_by(incidents.c.action))}

    def last_rollback(self, model: str, version: str | None = None) -> Incident | None:
        """The last incident in which a version, or the version, was rolled back."""
        query = select(incidents).where(incidents.c.model == model, incidents.c.action == "rolled back")
        query = query if version is None else query.where(incidents.c.version == version)
        with self._database.read() as connection:
            row = connection.execute(query.order_by(incidents.c.id.desc()).limit(1)).mappings().first()
        return Incident(**row) if row else None
