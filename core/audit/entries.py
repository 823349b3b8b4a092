"""Who changed what, when and through what: the audit, one entry a change. An entry holds no text of a client."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Connection, insert, select

from core.audit.waiting import bring_in, put_aside
from core.clock import utc_now
from core.database import Database
from core.errors import Unavailable
from core.home import Home
from core.schema import audit

Via = Literal["cli", "http", "page", "loop", "monitor", "server"]
Action = Literal[
    "register",
    "delete",
    "promote",
    "roll_back",
    "undo_promotion",
    "retrain",
    "accept",
    "decline",
    "resume",
    "freeze",
    "unfreeze",
    "cancel_job",
    "give_labels",
    "import_labels",
    "retract_labels",
    "add_rows",
    "remove_rows",
    "label_rule",
    "add_key",
    "revoke_key",
    "forget",
    "policy",
]
NO_FACTS: Mapping[str, Any] = {}
_WRITTEN = tuple(column.name for column in audit.columns if column.name != "id")


@dataclass(frozen=True)
class Actor:
    """Who changes something. `who`: "key NAME", "admin token", "user NAME", "this machine" (no key, no token), "loop"
    (the product by itself) or "config" (its file or the environment, as a monitor or a server first saw it); `via`:
    through what.
    """

    who: str
    via: Via
    request_id: str | None = None


LOOP = Actor("loop", "loop")


@dataclass(frozen=True)
class AuditEntry:
    """`model`: None if it is about all models; `facts`: JSON values, e.g. ids, versions, before and after."""

    id: int
    created_at: str
    who: str
    via: Via
    action: Action
    model: str | None
    facts: dict[str, Any]
    request_id: str | None


class Audit:
    """The audit in the ledger's database. Every method is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, rows: Sequence[Mapping[str, Any]]) -> None:
        with self._database.write() as connection:
            connection.execute(insert(audit), [{name: row.get(name) for name in _WRITTEN} for row in rows])

    def add_unless(self, row: Mapping[str, Any], is_known: Callable[[AuditEntry | None], bool]) -> None:
        """Add an entry unless the last one of its model and action tells the same, whoever writes at the same time."""
        last = select(audit).where(audit.c.model == row["model"], audit.c.action == row["action"])
        last = last.order_by(audit.c.id.desc()).limit(1)

        def found(connection: Connection) -> AuditEntry | None:
            told = connection.execute(last).mappings().first()
            return AuditEntry(**told) if told else None

        with self._database.read() as connection:
            if is_known(found(connection)):
                return
        with self._database.write() as connection:
            if not is_known(found(connection)):
                connection.execute(insert(audit), [{name: row.get(name) for name in _WRITTEN}])

    def latest(
        self,
        model: str | None = None,
        *,
        since: str = "",
        who: str | None = None,
        actions: Collection[Action] = (),
        before: int | None = None,
        limit: int = 50,
    ) -> list[AuditEntry]:
        """Most recent first. `since`: a time as stored; `who`: of this one only, as `Actor.who`; `actions`: only these;
        `before`: only entries with a smaller id.
        """
        query = select(audit).where(audit.c.created_at >= since).order_by(audit.c.id.desc()).limit(limit)
        query = query if model is None else query.where(audit.c.model == model)
        query = query if who is None else query.where(audit.c.who == who)
        query = query.where(audit.c.action.in_(actions)) if actions else query
        query = query if before is None else query.where(audit.c.id < before)
        with self._database.read() as connection:
            return [AuditEntry(**row) for row in connection.execute(query).mappings()]


def record(
    home: Home,
    actor: Actor,
    action: Action,
    model: str | None = None,
    facts: Mapping[str, Any] = NO_FACTS,
    *,
    is_away: bool = False,
) -> str | None:
    """Add an entry; return why it is not in the ledger, else None.

    Raises nothing: what it records is done already. An entry that the ledger does not take waits in a file of the home
    and follows with the next one. `is_away`: the ledger is known to be away, so that nobody waits for it again.
    """
    row = {**vars(actor), "created_at": utc_now(), "action": action, "model": model, "facts": dict(facts)}
    if is_away:
        return put_aside(home.folder, row, "The ledger is away.")
    try:
        stored = Audit(home.ledger.database)
        stored.add([row])
        bring_in(home.folder, stored.add)
    except Unavailable as error:
        return put_aside(home.folder, row, str(error))
    return None
