"""Check and decision of a round use the same champion."""

from __future__ import annotations

from pathlib import Path

import pytest

import core.registry
from core.champion import ChampionPackage, read_champion
from core.config import Config, DriftConfig
from core.errors import NoChampion
from core.home import Home
from core.package import verify_files
from core.records import DecisionRecord
from lifecycle.respond import respond
from monitoring.round import check_and_respond
from tests.lifecycle.predictions import predicted


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return Config(home=tmp_path, drift=DriftConfig(min_rows=10))


@pytest.fixture
def served(home: Home, tiny_package: Path) -> Home:
    home.registry.promote("m", home.registry.add(tiny_package, "m"))
    dimensions = read_champion(home.registry, "m").reference.embeddings.shape[1]
    predicted(home.ledger, 300, dimensions=dimensions)
    return home


def test_a_round_hashes_the_package_once(served: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    hashed: list[Path] = []

    def counted(folder: Path) -> str:
        hashed.append(folder)
        return verify_files(folder)

    monkeypatch.setattr(core.registry, "verify_files", counted)
    checked = check_and_respond(served, respond, "m")
    assert checked.check.verdict.outcome == "drift"
    assert checked.decision.action == "label"
    assert len(hashed) == 1


def test_the_decision_is_about_the_version_that_was_checked(served: Home, other_package: Path) -> None:
    def respond_after_promotion(home: Home, champion: ChampionPackage) -> DecisionRecord:
        home.registry.promote("m", home.registry.add(other_package, "m"))
        return respond(home, champion)

    checked = check_and_respond(served, respond_after_promotion, "m")
    assert served.registry.champion("m").version == "2"
    assert (checked.check.version, checked.decision.check_id) == ("1", checked.check.id)
    assert checked.decision.action == "label"


def test_no_champion_is_an_error(home: Home, tiny_package: Path) -> None:
    home.registry.add(tiny_package, "m")
    with pytest.raises(NoChampion):
        check_and_respond(home, respond, "m")
