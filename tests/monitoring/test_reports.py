from __future__ import annotations

import importlib
import os
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from core.clock import utc_now
from core.config import DriftConfig
from core.records import CheckRecord, Verdict
from monitoring.check import check
from monitoring.signals.catalogue import SIGNALS
from tests.monitoring import rows

SETTINGS = DriftConfig(resamples=200)


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object) -> None:
        raise AssertionError(f"a report must not use the network: {args[1:]}")

    monkeypatch.setattr(socket.socket, "connect", refuse)


def run(changed: bool, labels: list[str] | None = None) -> tuple[Verdict, Any]:
    from monitoring.report.evidently import run_report

    reference, window = rows.draw(120, seed=0), rows.draw(90, seed=1)
    if changed:
        window = rows.with_less_confidence(window)
    names = labels or rows.LABELS
    verdict = check(reference, window, labels=names, settings=SETTINGS)
    record = CheckRecord(1, "tickets", "1", utc_now(), "traffic", verdict, None, None)
    return verdict, run_report(reference, window, labels=names, record=record, settings=SETTINGS)


@pytest.mark.usefixtures("no_network")
@pytest.mark.parametrize("changed", [False, True])
def test_the_report_has_the_p_values_of_the_verdict(changed: bool) -> None:
    verdict, snapshot = run(changed)
    failed = [test.status.name == "FAIL" for test in snapshot.tests_results]
    by_feature = {item.feature: item for item in verdict.evidence}
    order = [signal.feature for signal in SIGNALS]
    assert failed == [by_feature[feature].drifted for feature in order]
    scores = [metric["value"] for metric in snapshot.dict()["metrics"] if "ValueDrift" in str(metric)]
    assert scores == [by_feature[feature].p_value for feature in order]
    names = [type(metric).__name__ for metric in snapshot.report.metrics]
    assert names.index("Reading") > max(place for place, name in enumerate(names) if name == "ValueDrift")


@pytest.mark.usefixtures("no_network")
def test_a_check_of_an_earlier_release_is_shown_with_the_tests_that_it_had() -> None:
    from monitoring.report.evidently import run_report

    reference, window = rows.draw(120, seed=0), rows.draw(90, seed=1)
    verdict = check(reference, window, labels=rows.LABELS, settings=SETTINGS)
    verdict = replace(verdict, evidence=[item for item in verdict.evidence if item.feature != "new groups"])
    record = CheckRecord(1, "tickets", "1", utc_now(), "traffic", verdict, None, None)
    snapshot = run_report(reference, window, labels=rows.LABELS, record=record, settings=SETTINGS)
    assert len(snapshot.tests_results) == len(SIGNALS) - 1


@pytest.mark.usefixtures("no_network")
def test_the_report_contains_the_verdict_and_labels_cannot_close_its_script(tmp_path: Path) -> None:
    from monitoring.report.evidently import write_report

    verdict, snapshot = run(True, ["</script><script>alert(1)</script>", "bug", "how to", "praise"])
    page = write_report(snapshot, folder=tmp_path, name="check").read_text(encoding="utf-8")
    assert verdict.sentence in page
    assert "alert(1)" in page
    assert "<script>alert(1)" not in page


@pytest.mark.usefixtures("no_network")
def test_the_oldest_reports_are_deleted(tmp_path: Path) -> None:
    from monitoring.report.evidently import write_report

    _, snapshot = run(False)
    for name in ("1", "2", "3"):
        write_report(snapshot, folder=tmp_path, name=name, kept=2)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["2.html", "3.html"]


def test_usage_events_are_off_after_the_import_of_the_reports() -> None:
    importlib.import_module("monitoring.report.evidently")
    telemetry = importlib.import_module("evidently.telemetry")
    assert "DO_NOT_TRACK" in os.environ
    assert not telemetry.event_logger.is_enabled()


def test_a_check_does_not_import_evidently() -> None:
    code = "import sys, monitoring.watch; sys.exit('evidently' in sys.modules or 'pandas' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
