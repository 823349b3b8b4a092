"""What shows a recorded check to people: a report and an Evidently snapshot. Neither decides anything."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from uuid import UUID

from core.champion import ChampionPackage, read_version
from core.errors import CheckNotFound, MissingExtra, NothingToShow
from core.features import Features
from core.home import Home
from core.isolated import isolated, sentence_of
from core.records import TRAFFIC, CheckRecord
from monitoring.change.drawing import Located, drift_map
from monitoring.change.explain import explained
from monitoring.window import window_of


@dataclass(frozen=True)
class Illustrated:
    """`record`: with the path of its report; `rows`: of the window that is shown; `problems`: sentences, one for each
    of report and snapshot that could not be written.
    """

    record: CheckRecord
    rows: int
    problems: list[str]


def illustrate(
    home: Home, package: ChampionPackage, record: CheckRecord, window: Features, *, groups: Sequence[Located] = ()
) -> Illustrated:
    """Write report, map and snapshot of a conclusive check. None of them raises, and each is tried if another fails.

    `groups`: the new groups of the verdict, each with the indices of its rows in the window.
    """
    problems: list[str] = []

    def noted(what: str, error: BaseException) -> None:
        if isinstance(error, ModuleNotFoundError):
            error = MissingExtra("monitor", str(error.name), "monitor")
        problems.append(
            f"{record.model}: check {record.id} is recorded, but not its {what}: {sentence_of(error).rstrip('.')}. "
            f"To write it later: {_again(record)}"
        )

    with isolated(partial(noted, "report")):
        # imported here: it takes seconds, and inconclusive checks have no report
        from monitoring.report import evidently as reports
        from monitoring.report.workspace import add_snapshot

        snapshot = reports.run_report(
            package.reference, window, labels=package.labels, record=record, settings=home.config.drift
        )
        with isolated(partial(noted, "Evidently snapshot")):
            project = record.model if record.source == TRAFFIC else f"{record.model}, files"
            add_snapshot(snapshot, project=project, run=_run_of(record), workspace=home.folder / "evidently")
        created = datetime.fromisoformat(record.created_at)
        name = f"{created:%Y%m%dT%H%M%S.%fZ}-v{record.version}"
        drawing = ""
        with isolated(partial(noted, "map")):
            drawing = drift_map(package.reference.embeddings, window.embeddings, groups)
        path = reports.write_report(snapshot, folder=home.config.reports / record.model, name=name, drawing=drawing)
        record = replace(record, report=str(path.relative_to(home.folder)))
        home.ledger.record_report(record.id, str(record.report))
        if drawing:
            with isolated(partial(noted, "map")):
                reports.write_map(path, drawing)
    return Illustrated(record, window.rows, problems)


def illustrate_again(home: Home, check_id: int) -> Illustrated:
    """Illustrate a check of traffic from the rows that the ledger still has.

    Raises `CheckNotFound`, `NothingToShow`, `VersionNotFound` or `CorruptPackage`.
    """
    record = home.ledger.check(None, check_id)
    if record is None:
        raise CheckNotFound(check_id)
    if not record.verdict.is_conclusive:
        raise NothingToShow(check_id, "had too few rows to compare", "The next check will use them")
    if record.source != TRAFFIC:
        cure = f"Compare it again: {_again(record)}"
        raise NothingToShow(check_id, "compared a file, whose rows are not stored", cure)
    rows = home.ledger.rows_of(record, limit=home.config.drift.window_rows)
    if not rows:
        raise NothingToShow(check_id, "compared rows that were erased since", "Its verdict is in 'retune decisions'")
    package = read_version(home.registry, record.model, record.version)
    window = window_of(rows, package)
    known = explained(record.verdict, package, window.features, ids=window.ids, texts=window.texts)
    return illustrate(home, package, record, window.features, groups=known.groups)


def _again(record: CheckRecord) -> str:
    """The command that illustrates the check later; the rows of a file are not stored."""
    if record.source == TRAFFIC:
        return f"retune report --check {record.id}"
    return f"retune drift --model {record.model} --file {record.source!r}"


def _run_of(record: CheckRecord) -> UUID:
    """A UUID of version 7, the same each time, so that runs sort by time and a check is one run."""
    milliseconds = int(datetime.fromisoformat(record.created_at).timestamp() * 1000)
    return UUID(int=milliseconds << 80 | 7 << 76 | 2 << 62 | record.id)
