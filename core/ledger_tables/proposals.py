"""The ledger's table of proposals: what the loop would do, and waits for a person to accept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Connection, RowMapping, insert, select, update

from core.clock import utc_now
from core.database import Database
from core.schema import proposals

Status = Literal["open", "accepted", "declined", "superseded"]


@dataclass(frozen=True)
class Proposal:
    """`version`: the champion that it is about; `action`: "retrain" or "roll back"; `waiting`: the version that a
    retrain puts in service without another training; `ended_by`: the person who answered it, or "loop".
    """

    id: int
    model: str
    version: str
    action: str
    waiting: str | None
    reason: str
    decision_id: int | None
    status: Status
    created_at: str
    ended_at: str | None = None
    ended_by: str | None = None
    job_id: int | None = None


class Proposals:
    """Every method is one transaction. At most one proposal of a model is open."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def propose(
        self, model: str, version: str, *, action: str, waiting: str | None, reason: str, decision_id: int | None
    ) -> Proposal:
        """The open proposal of this, with the reason of now; one of something else is superseded."""
        what = {"version": version, "action": action, "waiting": waiting}
        why = {"reason": reason, "decision_id": decision_id}
        with self._database.write() as connection:
            found = _open(connection, model)
            if found is not None and all(found[key] == value for key, value in what.items()):
                return _set(connection, found["id"], **why)
            if found is not None:
                _set(connection, found["id"], status="superseded", ended_at=utc_now(), ended_by="loop")
            row = insert(proposals).values(model=model, **what, **why, status="open", created_at=utc_now())
            return Proposal(**connection.execute(row.returning(proposals)).mappings().one())

    def supersede(self, model: str) -> Proposal | None:
        """End the open proposal, because the decision changed; None if there is none."""
        if self.open(model) is None:
            return None
        return self._end(model, None, status="superseded", ended_by="loop")

    def accept(
        self, model: str, *, by: str, proposal_id: int | None = None, job_id: int | None = None
    ) -> Proposal | None:
        """End the open proposal, if it is `proposal_id`; None if there is no such one: somebody else was faster."""
        return self._end(model, proposal_id, status="accepted", ended_by=by, job_id=job_id)

    def decline(self, model: str, *, by: str, proposal_id: int | None = None) -> Proposal | None:
        """As `accept`, but nothing is done."""
        return self._end(model, proposal_id, status="declined", ended_by=by)

    def reopen(self, proposal: Proposal) -> None:
        """After what was accepted could not be done; unless another one is open by now."""
        with self._database.write() as connection:
            if _open(connection, proposal.model) is None:
                _set(connection, proposal.id, status="open", ended_at=None, ended_by=None)

    def open(self, model: str) -> Proposal | None:
        with self._database.read() as connection:
            row = _open(connection, model)
        return Proposal(**row) if row else None

    def all_open(self) -> dict[str, Proposal]:
        """By model."""
        query = select(proposals).where(proposals.c.status == "open")
        with self._database.read() as connection:
            return {row["model"]: Proposal(**row) for row in connection.execute(query).mappings()}

    def latest(self, model: str, *, limit: int = 50, before: int | None = None) -> list[Proposal]:
        """Most recent first; `before`: only those with a smaller id."""
        query = select(proposals).where(proposals.c.model == model).order_by(proposals.c.id.desc()).limit(limit)
        query = query if before is None else query.where(proposals.c.id < before)
        with self._database.read() as connection:
            return [Proposal(**row) for row in connection.execute(query).mappings()]

    def _end(self, model: str, proposal_id: int | None, **values: Any) -> Proposal | None:
        with self._database.write() as connection:
            found = _open(connection, model)
            if found is None or proposal_id not in (None, found["id"]):
                return None
            return _set(connection, found["id"], ended_at=utc_now(), **values)


def is_open(connection: Connection, proposal: Proposal) -> bool:
    """Whether nobody has answered it yet, in the caller's transaction."""
    found = _open(connection, proposal.model)
    return found is not None and found["id"] == proposal.id


def accepted_now(connection: Connection, proposal: Proposal, *, by: str, job_id: int) -> Proposal:
    """End an open proposal in the caller's transaction."""
    return _set(connection, proposal.id, status="accepted", ended_at=utc_now(), ended_by=by, job_id=job_id)


def _open(connection: Connection, model: str) -> RowMapping | None:
    query = select(proposals).where(proposals.c.model == model, proposals.c.status == "open")
    return connection.execute(query).mappings().first()


def _set(connection: Connection, proposal_id: int, **values: Any) -> Proposal:
    change = update(proposals).where(proposals.c.id == proposal_id).values(**values).returning(proposals)
    return Proposal(**connection.execute(change).mappings().one())
