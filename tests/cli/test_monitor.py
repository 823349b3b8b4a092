"""`retune monitor` and `retune report --check`."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from core.champion import read_champion
from core.claim import Claim
from core.config import Config
from core.home import Home
from core.ledger import Ledger
from tests.cli.conftest import Command
from tests.lifecycle.predictions import predicted


@pytest.fixture
def traffic(retune: Command, tiny_package: Path, home: Path, ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> Ledger:
    monkeypatch.setenv("RETUNE_DRIFT__MIN_ROWS", "10")
    retune("register", tiny_package, "--model", "m")
    retune("promote", "m@1")
    package = read_champion(Home(Config(home=home)).registry, "m")
    predicted(ledger, 300, dimensions=package.reference.embeddings.shape[1])
    return ledger


def test_a_lost_report_is_written_again(retune: Command, traffic: Ledger, home: Path) -> None:
    code, out, err = retune("monitor", "--once", "--json")
    check = json.loads(out)["check"]
    assert (code, err, check["verdict"]["verdict"]) == (0, "", "drift")
    assert (home / check["report"]).is_file()
    shutil.rmtree(home / "reports")
    shutil.rmtree(home / "evidently")
    code, out, err = retune("report", "--check", str(check["id"]))
    assert (code, out, err) == (0, f"Report {home / check['report']}\n", "")
    assert (home / check["report"]).is_file()
    assert len(list(home.glob("evidently/*/snapshots/*.json"))) == 1
    assert len(traffic.checks("m")) == 1


def test_a_report_that_cannot_be_written_costs_a_line_and_no_verdict(
    retune: Command, traffic: Ledger, home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (home / "reports").touch()
    (home / "evidently").touch()
    code, out, _ = retune("monitor", "--once")
    assert (code, len(caplog.messages)) == (0, 2)
    assert "Decision: label" in out
    assert all(line.endswith("To write it later: retune report --check 1") for line in caplog.messages)
    code, out, err = retune("report", "--check", "1", "--json")
    assert (code, json.loads(out)["report"], len(err.splitlines())) == (1, None, 2)
    assert len(traffic.checks("m")) == 1


def test_a_second_monitor_names_the_first(retune: Command, traffic: Ledger) -> None:
    claim = Claim(traffic.database, "monitor-m")
    assert claim.held_by_another() is None
    code, out, err = retune("monitor", "--once")
    assert (code, out) == (1, "")
    assert "'m' is already checked by process" in err
    claim.release()
    assert retune("monitor", "--once")[0] == 0


@pytest.mark.parametrize("words", [(), ("run", "--check", "1"), ("--check", "1", "--out", "x.html")])
def test_report_takes_a_checkpoint_or_a_check(retune: Command, words: tuple[str, ...]) -> None:
    code, _, err = retune("report", *words)
    assert code == 2
    assert "Name either a checkpoint" in err


def test_an_unknown_model_or_check_is_one_sentence(retune: Command, traffic: Ledger) -> None:
    assert traffic.checks("m") == []
    for words, said in (
        (("monitor", "--once", "--model", "n"), "No model 'n'"),
        (("report", "--check", "7"), "There is no check 7."),
    ):
        code, out, err = retune(*words)
        assert (code, out, len(err.splitlines())) == (1, "", 1)
        assert said in err


def test_a_backtest_prints_the_alarms_and_records_no_check(retune: Command, traffic: Ledger) -> None:
    code, out, _ = retune("monitor", "backtest", "m", "--since", "2020-01-01", "--json")
    result = json.loads(out)
    assert (code, result["version"], len(result["alarms"])) == (0, "1", 1)
    assert [check["verdict"]["verdict"] for check in result["checks"]] == ["drift"]
    assert traffic.checks("m") == []
