"""Answers of requests that a client may send again with the same key: a repeated one gets the first one's answer."""

from __future__ import annotations

import time
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, RowMapping, delete, insert, select, update

from core.clock import days_ago, utc_now
from core.database import Database
from core.errors import KeyOfOtherRequest, RequestRunning
from core.schema import repeatable

KEPT_DAYS = 1
LEASE_S = 120.0
"""After so long without an answer, the process that had the request has died, and it may be sent again."""


@dataclass(frozen=True)
class Claim:
    """`who`: whose key it is; `request_sha256`: of method, path and body."""

    who: str
    key: str
    request_sha256: str


@dataclass(frozen=True)
class KeptAnswer:
    status: int
    body: str


class Repeatable:
    """Every method is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(self, claim: Claim) -> KeptAnswer | None:
        """The answer that was kept for this request; None: the caller has it now, until `keep` or `give_up`.

        Raises `RequestRunning` while another caller has it, `KeyOfOtherRequest` if the key came with another request.
        """
        with self._database.write() as connection:
            old = repeatable.c.created_at < days_ago(KEPT_DAYS)
            connection.execute(delete(repeatable).where(old))
            row = _row(connection, claim)
            if row is None:
                values = {**vars(claim), "created_at": utc_now(), "lease_until": _lease()}
                connection.execute(insert(repeatable).values(**values))
                return None
            if row["request_sha256"] != claim.request_sha256:
                raise KeyOfOtherRequest(claim.key)
            if row["status"] is not None:
                return KeptAnswer(row["status"], row["body"])
            if row["lease_until"] > time.time():
                raise RequestRunning(claim.key)
            connection.execute(update(repeatable).where(*_is(claim)).values(lease_until=_lease()))
            return None

    def keep(self, claim: Claim, answer: KeptAnswer) -> None:
        """Also if `begin` could not be written."""
        with self._database.write() as connection:
            connection.execute(delete(repeatable).where(*_is(claim)))
            values = {**vars(claim), **vars(answer), "created_at": utc_now(), "lease_until": 0.0}
            connection.execute(insert(repeatable).values(**values))

    def give_up(self, claim: Claim) -> None:
        """The request changed nothing: it may be sent again."""
        with self._database.write() as connection:
            connection.execute(delete(repeatable).where(*_is(claim), repeatable.c.status.is_(None)))


def _row(connection: Connection, claim: Claim) -> RowMapping | None:
    return connection.execute(select(repeatable).where(*_is(claim))).mappings().first()


def _is(claim: Claim) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return repeatable.c.who == claim.who, repeatable.c.key == claim.key


def _lease() -> float:
    return time.time() + LEASE_S
