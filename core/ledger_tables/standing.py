"""The ledger's table of how each model stands: what its last round measured, in one row a model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import insert, select, update

from core.clock import utc_now
from core.database import Database
from core.schema import standings
from core.share import Share
from core.stored import as_stored, restored


@dataclass(frozen=True)
class Accuracy:
    """What labels say of a version. `measured`: on held-out texts, None without a label; `expected`: on its reference;
    `loss_p_value`: of the hypothesis that accuracy did not fall, by texts drawn at random; `is_lost`: whether a loss is
    significant.
    """

    measured: Share | None = None
    expected: float | None = None
    loss_p_value: float = 1.0
    is_lost: bool = False


@dataclass(frozen=True)
class Standing:
    """`check_s`: seconds of the last check, None if none was timed."""

    model: str
    version: str
    created_at: str
    accuracy: Accuracy
    check_s: float | None = None


class Standings:
    """Every method is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def record(self, model: str, version: str, accuracy: Accuracy) -> None:
        self._set(model, version=version, created_at=utc_now(), accuracy=as_stored(accuracy))

    def record_time(self, model: str, version: str, check_s: float) -> None:
        """Store how many seconds the last check took."""
        self._set(model, version=version, check_s=check_s)

    def of(self, model: str) -> Standing | None:
        with self._database.read() as connection:
            row = connection.execute(select(standings).where(standings.c.model == model)).mappings().first()
        return Standing(**{**row, "accuracy": restored(Accuracy, row["accuracy"])}) if row else None

    def _set(self, model: str, **values: Any) -> None:
        with self._database.write() as connection:
            changed = connection.execute(update(standings).where(standings.c.model == model).values(values))
            if not changed.rowcount:
                first = {"created_at": utc_now(), "accuracy": {}, **values}
                connection.execute(insert(standings).values(model=model, **first))
