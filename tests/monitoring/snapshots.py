"""Evidently snapshots of small checks, and the runs that they are."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import UUID

from core.clock import utc_now
from core.config import DriftConfig
from core.records import CheckRecord
from monitoring.check import check
from tests.monitoring import rows

SETTINGS = DriftConfig(resamples=200)


def snapshot_of(number: int) -> Any:
    """Of a check of 90 rows that did not change; `number` >= 1: of the check, of its rows, and by which its level is
    lower, since the level depends on the time between two checks.
    """
    from monitoring.report.evidently import run_report

    reference, window = rows.draw(120, seed=0), rows.draw(90, seed=number)
    verdict = check(reference, window, labels=rows.LABELS, settings=SETTINGS, level=0.01 / number)
    record = CheckRecord(number, "tickets", "1", utc_now(), "traffic", verdict, None, None)
    return run_report(reference, window, labels=rows.LABELS, record=record, settings=SETTINGS)


def run_of(number: int) -> UUID:
    return UUID(int=number << 80 | 7 << 76 | 2 << 62)


def add(snapshot: Any, workspace: Path, number: int, *, project: str = "tickets", kept: int = 100) -> Path:
    from monitoring.report.workspace import add_snapshot

    return add_snapshot(snapshot, project=project, run=run_of(number), workspace=workspace, kept=kept)
