"""Checks the champion's recent traffic, or a file, against the reference in its package."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from core.assigned import cells
from core.champion import ChampionPackage
from core.config import Config
from core.datasets import Example
from core.engine import Engine
from core.errors import NotFound
from core.features import Features
from core.home import Home
from core.records import TRAFFIC, CheckRecord, Repetition, Verdict
from core.share import Share, measured
from monitoring.check import check
from monitoring.window import features_of, unchecked_predictions


@dataclass(frozen=True)
class FileCheck:
    """Result of a check of a file; `measured_accuracy` is None without labelled rows."""

    verdict: Verdict
    measured_accuracy: Share | None
    record: CheckRecord


def check_window(home: Home, champion: ChampionPackage) -> CheckRecord:
    """Check the champion's traffic since its last conclusive check, and record the verdict.

    A conclusive check also writes an Evidently report and snapshot. The next check includes the rows of an inconclusive
    check again.
    """
    rows = unchecked_predictions(home.ledger, champion.model, champion.version, limit=home.config.drift.window_rows)
    window = features_of(
        rows,
        champion.labels,
        dimensions=champion.reference.embeddings.shape[1],
        multi_label=champion.kind == "multi-label",
    )
    repetition = Repetition.of([row.copies for row in rows])
    verdict = check(
        champion.reference, window, labels=champion.labels, settings=home.config.drift, repetition=repetition
    )
    last = rows[-1].id if verdict.is_conclusive else None
    return _record(home, champion, window, verdict, source=TRAFFIC, window_end=last)


def check_file(home: Home, champion: ChampionPackage, examples: Sequence[Example], *, source: str) -> FileCheck:
    """Predict at least one row of a file with the champion, check the rows, and record the verdict.

    Each text is one row, with the last of its labels.
    """
    latest = {row.key: row for row in examples}
    repetition = Repetition.of(list(Counter(row.key for row in examples).values()))
    rows = list(latest.values())
    window = Engine(champion.folder).features(rows)
    verdict = check(
        champion.reference, window, labels=champion.labels, settings=home.config.drift, repetition=repetition
    )
    record = _record(home, champion, window, verdict, source=source, window_end=None)
    return FileCheck(verdict, _measured_accuracy(rows, window, champion.labels), record)


def _record(
    home: Home, champion: ChampionPackage, window: Features, verdict: Verdict, *, source: str, window_end: str | None
) -> CheckRecord:
    report = None
    if verdict.is_conclusive:
        report = _report(champion, window, verdict, home.config)
    check_id = home.ledger.record_check(
        champion.model, champion.version, verdict, source=source, report=report, window_end=window_end
    )
    record = home.ledger.check(champion.model, check_id)
    if record is None:
        raise NotFound(f"Check {check_id} of {champion.model!r} was replaced by another one. Run the check again.")
    return record


def _report(champion: ChampionPackage, window: Features, verdict: Verdict, config: Config) -> str:
    """Write the report and the snapshot; return the report's path relative to the home."""
    from monitoring.report import (
        evidently as reports,
    )  # imported here: it takes seconds, and inconclusive checks have no report

    snapshot = reports.run_report(
        champion.reference,
        window,
        labels=champion.labels,
        verdict=verdict,
        model=champion.model,
        version=champion.version,
        settings=config.drift,
    )
    name = f"{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}-v{champion.version}"
    path = reports.write_report(snapshot, folder=config.reports / champion.model, name=name)
    reports.add_snapshot(snapshot, model=champion.model, workspace=config.home.absolute() / "evidently")
    return str(path.relative_to(config.home.absolute()))


def _measured_accuracy(examples: Sequence[Example], window: Features, labels: Sequence[str]) -> Share | None:
    # A row with a label that the model does not know counts as wrong; a row without a label does not count. All labels
    # of a multi-label row must be right.
    right = [
        given == example.label
        for example, given in zip(examples, cells(window.predicted, labels), strict=True)
        if example.label is not None
    ]
    return measured(sum(right), len(right)) if right else None
