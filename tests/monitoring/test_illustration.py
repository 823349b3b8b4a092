from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.champion import ChampionPackage, read_champion
from core.engine import Engine
from core.errors import CheckNotFound, DiskFull, NothingToShow
from core.privacy.erasure import erase, with_ids
from monitoring.illustration import Illustrated, illustrate, illustrate_again
from monitoring.report import contents
from monitoring.watch import WindowCheck, check_file, check_window
from tests.monitoring.conftest import MODEL, Served
from tests.monitoring.test_watch import traffic
from tests.words import word_examples


def received(served: Served, rows: int = 80) -> list[str]:
    features = Engine(served.registry.folder(MODEL, served.version)).features(word_examples(rows, seed=1))
    return served.receive(replace(features, length=np.full(rows, 14)))


def champion(served: Served) -> ChampionPackage:
    return read_champion(served.registry, MODEL)


def illustrated(served: Served, checked: WindowCheck) -> Illustrated:
    return illustrate(served.home, champion(served), checked.record, checked.window)


def snapshots(served: Served) -> dict[str, int]:
    """Number of runs by the project's name."""
    folders = [path.parent for path in (served.config.home / "evidently").glob("*/metadata.json")]
    return {
        json.loads((folder / "metadata.json").read_text())["name"]: len(list(folder.glob("snapshots/*.json")))
        for folder in folders
    }


def test_a_check_is_recorded_first_and_then_gets_a_report_in_the_home(served: Served) -> None:
    received(served)
    checked = check_window(served.home, champion(served))
    assert (checked.record.verdict.outcome, checked.record.source, checked.record.report) == ("drift", "traffic", None)
    made = illustrated(served, checked)
    assert (made.problems, made.rows) == ([], 80)
    assert served.ledger.checks(MODEL) == [made.record]
    assert made.record.report is not None
    assert made.record.report.startswith(f"reports/{MODEL}/")
    assert (served.config.home / made.record.report).is_file()
    assert snapshots(served) == {MODEL: 1}


def test_checks_of_files_are_not_in_the_curves_of_traffic(served: Served) -> None:
    received(served)
    illustrated(served, check_window(served.home, champion(served)))
    illustrated(served, check_file(served.home, champion(served), word_examples(60, seed=3), source="new.csv"))
    assert snapshots(served) == {MODEL: 1, f"{MODEL}, files": 1}


def test_report_and_snapshot_fail_alone_in_one_line_and_are_made_again(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    from monitoring.report import evidently, workspace

    def full(*_given: Any, **_options: Any) -> None:
        raise DiskFull("reports")

    received(served)
    checked = check_window(served.home, champion(served))
    for module, name in ((evidently, "write_report"), (workspace, "add_snapshot")):
        with monkeypatch.context() as patched:
            patched.setattr(module, name, full)
            made = illustrated(served, checked)
        assert len(made.problems) == 1
        assert "\n" not in made.problems[0]
        assert f"retune report --check {checked.record.id}" in made.problems[0]
    again = illustrate_again(served.home, checked.record.id)
    assert (again.problems, again.rows) == ([], 80)
    assert sorted(path.suffix for path in (served.config.reports / MODEL).iterdir()) == [".html", ".svg"]
    assert snapshots(served) == {MODEL: 1}


class Panic(BaseException):
    """As those of Rust extensions."""


@pytest.mark.parametrize("error", [Panic("boom"), MemoryError(), ModuleNotFoundError("No", name="evidently")])
def test_an_error_of_any_class_is_one_line(
    served: Served, error: BaseException, monkeypatch: pytest.MonkeyPatch
) -> None:
    from monitoring.report import evidently

    def broken(*_given: Any, **_options: Any) -> None:
        raise error

    received(served)
    checked = check_window(served.home, champion(served))
    monkeypatch.setattr(evidently, "run_report", broken)
    made = illustrated(served, checked)
    assert len(made.problems) == 1
    assert served.ledger.checks(MODEL) == [checked.record]


def test_a_column_that_is_nearly_constant_is_drawn(served: Served) -> None:
    received(served)
    checked = check_window(served.home, champion(served))
    noise = np.nextafter(np.float32(0.5), np.float32(1)) * (np.arange(80) % 2)
    nearly = np.where(noise > 0, noise, np.float32(0.5)).astype(np.float32)
    window = replace(checked.window, confidence=nearly)
    package = champion(served)
    package = replace(package, reference=replace(package.reference, confidence=np.full(150, np.float32(0.5))))
    assert illustrate(served.home, package, checked.record, window).problems == []


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ([0.0, 1e-17, 3e-17], [0.0]),
        ([0.5, 0.5 + 1e-16], [0.5, 0.5 - 1e-16]),
        ([1e9, 1e9 + 1e-6], [1e9]),
        ([5e-324, 0.0], [1e-310]),
        ([3, 4], [12]),
    ],
)
def test_rounded_columns_have_a_histogram(before: list[float], after: list[float]) -> None:
    for side in contents.rounded(np.array(before), np.array(after)):
        np.histogram(side, bins=10, density=True)


def test_erased_rows_are_missing_in_a_report_that_is_made_again(served: Served) -> None:
    earlier = received(served)
    check_window(served.home, champion(served))
    ids = received(served)
    check_id = check_window(served.home, champion(served)).record.id
    erase(served.ledger.database, with_ids(ids[:30]))
    assert illustrate_again(served.home, check_id).rows == 50
    erase(served.ledger.database, with_ids(ids))
    with pytest.raises(NothingToShow, match="erased"):
        illustrate_again(served.home, check_id)
    assert illustrate_again(served.home, check_id - 1).rows == len(earlier)


def test_a_check_with_copies_is_shown_with_the_rows_that_it_compared(served: Served) -> None:
    received(served)
    early = check_window(served.home, champion(served)).record
    long = "could you please tell me where the parcel is that I ordered from your shop on monday"
    for number in range(40):
        served.receive(traffic(served, 1, seed=3), text=f"{long}, number {number % 20}")
    received(served)
    late = check_window(served.home, champion(served)).record
    found = [illustrate_again(served.home, record.id).rows for record in (early, late)]
    assert found == [early.verdict.rows, late.verdict.rows] == [80, 81]


def test_what_cannot_be_shown_is_said(served: Served) -> None:
    few = check_window(served.home, champion(served)).record
    with pytest.raises(NothingToShow, match="too few rows"):
        illustrate_again(served.home, few.id)
    file = check_file(served.home, champion(served), word_examples(60, seed=3), source="new.csv").record
    with pytest.raises(NothingToShow, match=r"retune drift --model tickets --file 'new\.csv'"):
        illustrate_again(served.home, file.id)
    with pytest.raises(CheckNotFound, match="no check 99"):
        illustrate_again(served.home, 99)


def unusable(folder: Path, make: Callable[[Path], object]) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    make(folder)


@pytest.mark.parametrize("place", ["reports", "evidently", "evidently/.lock"])
def test_a_place_that_cannot_be_written_costs_only_what_belongs_there(served: Served, place: str) -> None:
    path = served.config.home / place
    unusable(path, Path.mkdir if place.endswith("lock") else Path.touch)
    received(served)
    checked = check_window(served.home, champion(served))
    made = illustrated(served, checked)
    assert len(made.problems) == 1
    assert (made.record.report is None) == (place == "reports")
