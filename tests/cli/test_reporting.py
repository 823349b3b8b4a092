"""`retune report`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from core.checkpoint import read_training
from tests.cli.conftest import Command
from tests.trainings import write_made_up_checkpoint


@pytest.fixture
def report(retune: Command, home: Path, tmp_path: Path) -> Command:
    write_made_up_checkpoint(tmp_path / "run", home / "datasets")
    return lambda *words: retune("report", *words)


def test_the_report_is_written_beside_the_unchanged_checkpoint(report: Command, tmp_path: Path) -> None:
    code, out, err = report(tmp_path / "run", "--json")
    found = json.loads(out)
    assert (code, err) == (0, "")
    assert found["report"] == str(tmp_path / "run-report.html")
    assert (tmp_path / "run-report.html").read_text().startswith("<!doctype html>")
    assert (found["verdict"], found["missing"]) == ("healthy", [])
    assert len(found["worst"]) == 20
    assert set(read_training(tmp_path / "run").files) == {path.name for path in (tmp_path / "run").iterdir()} - {
        "training.json"
    }


def test_the_report_is_written_to_the_given_path(report: Command, tmp_path: Path) -> None:
    code, out, _ = report(tmp_path / "run", "--out", tmp_path / "pages" / "mine.html")
    assert code == 0
    assert f"Report {tmp_path / 'pages' / 'mine.html'}" in out
    assert "healthy: It levels off." in out
    assert (tmp_path / "pages" / "mine.html").is_file()


@pytest.mark.parametrize(
    ("place", "words"), [("run/page.html", "sealed checkpoint"), (".", "is a folder"), ("run/x/../p.html", "sealed")]
)
def test_a_report_inside_the_checkpoint_or_on_a_folder_is_refused(
    place: str, words: str, report: Command, tmp_path: Path
) -> None:
    code, out, err = report(tmp_path / "run", "--out", tmp_path / place)
    assert (code, out) == (1, "")
    assert words in err
    assert not (tmp_path / "run" / "page.html").exists()


def test_a_report_of_a_missing_checkpoint_is_one_sentence(report: Command, tmp_path: Path) -> None:
    code, out, err = report(tmp_path / "nothing")
    assert (code, out) == (1, "")
    assert err.startswith("Error: No checkpoint at ")
    assert len(err.strip().splitlines()) == 1


def test_missing_rows_are_reported_on_the_terminal(report: Command, tmp_path: Path) -> None:
    for path in (tmp_path / "home" / "datasets").iterdir():
        path.unlink()
    code, out, _ = report(tmp_path / "run")
    assert code == 0
    assert "the worst examples cannot be shown" in out
