"""A drift check as an Evidently report: a snapshot, and its HTML file.

The report shows the p-values and the threshold of our verdict. Evidently's own drift tests raise false alarms and
depend on the size of the reference.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd

from core.config import DriftConfig
from core.durable import write_bytes
from core.features import Features
from core.records import CheckRecord, Verdict
from monitoring.budget import level_of_a_day
from monitoring.report.contents import report_tables, verdict_markdown
from monitoring.report.pruning import make_room
from monitoring.report.readings import readings_of
from monitoring.sample import sample_sides
from monitoring.signals.catalogue import SIGNALS

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # Evidently uses numpy.core and old names of litestar
    from evidently import DataDefinition, Dataset, Report
    from evidently.core.container import MetricContainer
    from evidently.core.report import Context, Snapshot
    from evidently.legacy.calculations.stattests import StatTest, register_stattest
    from evidently.legacy.core import ColumnType
    from evidently.legacy.renderers.html_widgets import text_widget
    from evidently.metrics import UniqueValueCount, ValueDrift

METHOD = "retune_permutation"
KEPT_REPORTS = 100
"""Maximum reports per model, of 4 MB each; the verdicts of deleted reports stay in the ledger."""

_p_values: ContextVar[Mapping[str, float]] = ContextVar("p_values")


class VerdictText(MetricContainer):  # type: ignore[misc]  # evidently is untyped
    """The first widget of the report: the verdict's sentence and a line for each test."""

    text: str

    def generate_metrics(self, context: Context) -> list[Any]:
        return []

    def render(self, context: Context, child_widgets: Any = None) -> list[Any]:
        return [text_widget(title="Verdict", text=self.text)]


def run_report(
    reference: Features,
    window: Features,
    *,
    labels: Sequence[str],
    record: CheckRecord,
    settings: DriftConfig,
) -> Snapshot:
    """The Evidently snapshot of a conclusive check, on at most 2,000 rows of each side."""
    before, after = report_tables(sample_sides(reference, window, labels))
    model, version, verdict = record.model, record.version, record.verdict
    level = level_of_a_day(settings) if verdict.level is None else verdict.level
    text = VerdictText(text=verdict_markdown(verdict, model, version))
    with _p_values_of(verdict), readings_of(verdict) as readings:
        report = Report(
            [text, *_drift_tests(verdict, level), *_label_shares(), *readings],
            include_tests=True,
            metadata={"model": model, "version": version, "verdict": verdict.outcome},
            tags=[verdict.outcome],
        )
        return report.run(
            _dataset(after),
            _dataset(before),
            name=f"{model}@{version}: {verdict.outcome}",
            # Evidently's own times are local, without a zone, and cannot be compared with others.
            timestamp=datetime.fromisoformat(record.created_at).astimezone().replace(tzinfo=None),
        )


def write_report(snapshot: Snapshot, *, folder: Path, name: str, drawing: str = "", kept: int = KEPT_REPORTS) -> Path:
    """Write `folder`/`name`.html atomically; raises `DiskFull`. `drawing`: an SVG that is shown first.

    Keeps the last `kept` reports of the folder in alphabetical order, as `make_room` does.
    """
    path = folder / f"{name}.html"
    page = snapshot.get_html_str(as_iframe=False)
    if drawing:
        page = page.replace("<body>", f'<body><div style="max-width:720px;margin:16px auto">{drawing}</div>', 1)
    make_room(path, kept=kept)
    write_bytes(path, page.encode())
    return path


def write_map(report: Path, drawing: str, *, kept: int = KEPT_REPORTS) -> None:
    """Write the SVG beside its report, as `write_report` does."""
    path = report.with_suffix(".svg")
    make_room(path, kept=kept)
    write_bytes(path, drawing.encode())


def _drift_tests(verdict: Verdict, level: float) -> list[ValueDrift]:
    """One for each test of the verdict; checks of earlier releases have fewer."""
    tested = {item.feature for item in verdict.evidence}
    shown = [signal for signal in SIGNALS if signal.feature in tested]
    return [ValueDrift(column=signal.column, method=METHOD, threshold=level) for signal in shown]


def _label_shares() -> list[UniqueValueCount]:
    return [UniqueValueCount(column=signal.column, tests=[]) for signal in SIGNALS if signal.is_categorical]


@contextmanager
def _p_values_of(verdict: Verdict) -> Iterator[None]:
    """In this context Evidently's drift tests return the verdict's p-values."""
    _register_method()
    columns = {signal.feature: signal.column for signal in SIGNALS}
    token = _p_values.set({columns[item.feature]: item.p_value for item in verdict.evidence})
    try:
        yield
    finally:
        _p_values.reset(token)


def _register_method() -> None:
    register_stattest(
        StatTest(
            name=METHOD,
            display_name="p-value by permutation, corrected for all tests",
            allowed_feature_types=[ColumnType.Categorical, ColumnType.Numerical],
        ),
        _stored_p_value,
    )


def _stored_p_value(
    reference: pd.Series[Any], current: pd.Series[Any], feature_type: ColumnType, threshold: float
) -> tuple[float, bool]:
    p_value = _p_values.get()[str(current.name)]
    return p_value, p_value <= threshold


def _dataset(table: pd.DataFrame) -> Dataset:
    definition = DataDefinition(
        numerical_columns=[signal.column for signal in SIGNALS if not signal.is_categorical],
        categorical_columns=[signal.column for signal in SIGNALS if signal.is_categorical],
    )
    return Dataset.from_pandas(table, data_definition=definition)
