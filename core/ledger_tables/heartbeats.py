"""The ledger's table of running processes: monitors and workers tell every half minute that they run."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, get_args

from sqlalchemy import delete, insert, or_, select, update

from core.clock import days_ago, utc_now
from core.database import Database
from core.processes.owner import has_ended
from core.schema import heartbeats

Role = Literal["monitor", "worker"]
ROLES: tuple[Role, ...] = get_args(Role)
BEAT_S = 30.0
MISSING_S = 3 * BEAT_S


@dataclass(frozen=True)
class Heartbeat:
    """A process: `owner` as in `core.processes.owner`; `ended_at`: None unless it ended in order."""

    role: Role
    owner: str
    started_at: str
    seen_at: str
    ended_at: str | None

    @property
    def seen_s(self) -> float:
        """Seconds since 1970."""
        return datetime.fromisoformat(self.seen_at).timestamp()

    @property
    def is_running(self) -> bool:
        """Whether it was seen in the last `MISSING_S` and did not end."""
        is_recent = datetime.now(UTC).timestamp() - self.seen_s < MISSING_S
        return self.ended_at is None and is_recent and not has_ended(self.owner)


class Heartbeats:
    """Every method is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(self, role: Role, owner: str) -> None:
        """Add a process, and remove those of its role that ended or were not seen for a day."""
        is_gone = or_(heartbeats.c.ended_at.is_not(None), heartbeats.c.seen_at < days_ago(1))
        with self._database.write() as connection:
            connection.execute(delete(heartbeats).where(heartbeats.c.role == role, is_gone))
            connection.execute(delete(heartbeats).where(heartbeats.c.role == role, heartbeats.c.owner == owner))
            now = utc_now()
            connection.execute(insert(heartbeats).values(role=role, owner=owner, started_at=now, seen_at=now))

    def beat(self, role: Role, owner: str) -> None:
        self._set(role, owner, seen_at=utc_now())

    def end(self, role: Role, owner: str) -> None:
        self._set(role, owner, seen_at=utc_now(), ended_at=utc_now())

    def all(self) -> list[Heartbeat]:
        with self._database.read() as connection:
            return [Heartbeat(**row) for row in connection.execute(select(heartbeats)).mappings()]

    def _set(self, role: Role, owner: str, **values: str) -> None:
        with self._database.write() as connection:
            is_it = (heartbeats.c.role == role, heartbeats.c.owner == owner)
            connection.execute(update(heartbeats).where(*is_it).values(values))
