"""The checks of a model's traffic, each with the few figures that a chart needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import RowMapping, select

from core.database import Database
from core.records import TRAFFIC, Outcome
from core.schema import checks
from core.share import Share

MOST_CHECKS = 200


@dataclass(frozen=True)
class CheckFigures:
    """Fields as in `Verdict`; `accumulated`: the share of the evidence of all windows that alarms."""

    id: int
    version: str
    created_at: str
    outcome: Outcome
    rows: int
    p_value: float | None
    level: float | None
    accumulated: float | None
    estimated: Share | None
    last_number: int | None


def latest_checks(database: Database, model: str, *, limit: int = MOST_CHECKS) -> list[CheckFigures]:
    """Of traffic, oldest first. The figures are read in the database: a verdict has some 10 kB of other text."""
    is_traffic = (checks.c.model == model, checks.c.source == TRAFFIC)
    query = select(*_COLUMNS).where(*is_traffic).order_by(checks.c.id.desc()).limit(limit)
    with database.read() as connection:
        rows = connection.execute(query).mappings().all()
    return [_figures(row) for row in reversed(rows)]


_VERDICT: Any = checks.c.verdict
_COLUMNS = (
    checks.c.id,
    checks.c.version,
    checks.c.created_at,
    checks.c.last_number,
    _VERDICT["verdict"].as_string().label("outcome"),
    _VERDICT["rows"].as_integer().label("rows"),
    _VERDICT["p_value"].as_float().label("p_value"),
    _VERDICT["level"].as_float().label("level"),
    _VERDICT[("accumulated", "share")].as_float().label("accumulated"),
    *(_VERDICT[("estimated_accuracy", part)].as_float().label(part) for part in ("value", "low", "high")),
)


def _figures(row: RowMapping) -> CheckFigures:
    values = dict(row)
    value, low, high = (values.pop(part) for part in ("value", "low", "high"))
    estimated = None if value is None else Share(value, low, high, values["rows"] or 0)
    return CheckFigures(**{**values, "rows": values["rows"] or 0}, estimated=estimated)
