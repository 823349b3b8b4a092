"""What illustrates and what tells, on a volume without space: one sentence, nothing half-written, and rounds go on."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.config import AlertsConfig, WebhookConfig
from core.home import Home
from core.ledger_tables.alerts import Alerts
from core.records import TRAFFIC, Verdict
from monitoring.alerts.courier import Courier
from monitoring.illustration import illustrate, illustrate_again
from monitoring.report import evidently
from monitoring.watch import check_window
from tests.monitoring.conftest import MODEL, Served
from tests.monitoring.test_illustration import champion, received
from tests.small_volume import fill, small_volume

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="mounting needs root")


@pytest.fixture
def volume(tmp_path: Path) -> Iterator[Path]:
    """Under the home of `served`, which a test names after it."""
    with small_volume(tmp_path / "home", size="24m") as folder:
        yield folder


def files(folder: Path) -> list[str]:
    """Suffixes, without locks."""
    return sorted(path.suffix for path in folder.rglob("*") if path.is_file() and path.name != ".lock")


@pytest.mark.slow
def test_neither_report_nor_map_nor_snapshot_is_half_written(volume: Path, served: Served) -> None:
    received(served)
    checked = check_window(served.home, champion(served))
    fill(volume)
    made = illustrate(served.home, champion(served), checked.record, checked.window, groups=checked.groups)
    assert [problem.partition(": No space is left")[0].split("not its ")[1] for problem in made.problems] == [
        "Evidently snapshot",
        "report",
    ]
    assert not any("\n" in problem for problem in made.problems)
    assert (files(served.config.reports), files(volume / "evidently")) == ([], [])
    (volume / "filler").unlink()
    assert illustrate_again(served.home, checked.record.id).problems == []
    assert files(served.config.reports) == [".html", ".svg"]


@pytest.mark.slow
def test_a_report_stays_without_its_map(volume: Path, served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    written = evidently.write_map

    def full(report: Path, drawing: str) -> None:
        fill(volume)
        written(report, drawing)

    received(served)
    checked = check_window(served.home, champion(served))
    monkeypatch.setattr(evidently, "write_map", full)
    made = illustrate(served.home, champion(served), checked.record, checked.window, groups=checked.groups)
    assert len(made.problems) == 1
    assert f"check {checked.record.id} is recorded, but not its map: No space is left" in made.problems[0]
    assert files(served.config.reports) == [".html"]
    assert made.record.report is not None


def test_alerts_wait_for_space_in_one_line(volume: Path, served: Served, caplog: pytest.LogCaptureFixture) -> None:
    webhooks = {"ops": WebhookConfig(url="https://127.0.0.1:9/")}
    home = Home(served.config.model_copy(update={"alerts": AlertsConfig(webhooks=webhooks)}))
    home.ledger.record_check(MODEL, served.version, Verdict("drift", 0.001, 300, 150), source=TRAFFIC)
    alerts = Alerts(home.ledger.database)
    fill(volume)
    with caplog.at_level(logging.WARNING):
        Courier(home).tell(MODEL)
    (line,) = [record.getMessage() for record in caplog.records]
    assert line.startswith(f"{MODEL}: alerts are not up to date: No space is left")
    assert (alerts.open(MODEL), alerts.take_due()) == ([], None)
    (volume / "filler").unlink()
    Courier(home).tell(MODEL)
    assert [alert.event for alert in alerts.open(MODEL)] == ["drift"]
    home.close()
