from __future__ import annotations

from pathlib import Path

import pytest

from core.audit.entries import Audit, AuditEntry
from core.config import Config, LabelsConfig
from core.home import Home
from core.loop.policy_seen import note_policies
from core.policy_config import ModelPolicy, PolicyConfig


def home_of(folder: Path, **policy: object) -> Home:
    return Home(Config(home=folder, policy=PolicyConfig(**policy)))


def entries(home: Home) -> list[AuditEntry]:
    return Audit(home.ledger.database).latest()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    Home(Config(home=tmp_path)).jobs.enqueue("m", "retrain")  # a ledger
    return tmp_path


def test_the_default_is_no_change(folder: Path) -> None:
    home = home_of(folder)
    note_policies(home, ["m", "k"], "monitor")
    assert entries(home) == []


def test_another_policy_is_recorded_once_with_the_difference(folder: Path) -> None:
    auto = home_of(folder, models={"m": ModelPolicy(mode="auto", cooldown="2h")})
    for via in ("monitor", "server"):
        note_policies(auto, ["m", "k"], via)
    (entry,) = entries(auto)
    assert (entry.who, entry.via, entry.action, entry.model) == ("config", "monitor", "policy", "m")
    assert entry.facts["changed"] == "mode ask → auto; cooldown_s 21600.0 → 7200.0"
    note_policies(home_of(folder, mode="advise"), ["m"], "server")
    assert entries(auto)[0].facts["changed"] == "mode auto → advise; cooldown_s 7200.0 → 21600.0"
    note_policies(home_of(folder), ["m"], "server")
    assert entries(auto)[0].facts["changed"] == "mode advise → ask"


def test_the_texts_that_a_retrain_rests_on_are_part_of_it(folder: Path) -> None:
    home = Home(Config(home=folder, labels=LabelsConfig(min_texts=30)))
    note_policies(home, ["m"], "monitor")
    assert entries(home)[0].facts["changed"] == "min_texts 10 → 30"


def test_it_makes_no_ledger_and_one_that_is_away_stops_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    note_policies(home_of(tmp_path, mode="auto"), ["m"], "server")
    assert not (tmp_path / "ledger.db").exists()
    (tmp_path / "ledger.db").mkdir()
    note_policies(home_of(tmp_path, mode="auto"), ["m"], "server")
    assert "may be missing in the audit" in caplog.text
