from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from core.config import Config
from core.ledger import Ledger
from core.ledger_tables.guards import Finding, Guards, Promise
from core.ledger_tables.incidents import Incidents
from core.package import read_facts, write_facts, write_manifest
from core.records import GateRecord, GateVerdict
from core.registry import Champion, open_registry
from tests.cli.conftest import Command
from tests.words import word_package


@pytest.fixture
def judged(home: Path, ledger: Ledger, tmp_path: Path) -> None:
    """Version 1 of `m` is in service, the gate refused version 2, and nobody judged version 3."""
    registry = open_registry(Config(home=home))
    package = word_package(tmp_path / "package")
    registry.promote("m", registry.add(package, "m"))
    for version in ("2", "3"):
        folder = shutil.copytree(package, tmp_path / version)
        write_facts(folder, replace(read_facts(folder), metrics={"version": version}, golden=[]))
        write_manifest(folder)
        registry.add(folder, "m")
    gate = GateRecord(1, GateVerdict("hold", "Which may be chance."))
    ledger.record_promotion("m", "2", previous="1", promoted=False, reason="Which may be chance.", gate=gate)


def rolled_back(ledger: Ledger, version: str) -> None:
    Incidents(ledger.database).add(
        "m", version, previous="1", guard_id=1, cause="accuracy", action="rolled back", reason="Worse.", done="Back."
    )


@pytest.mark.usefixtures("judged")
def test_a_refused_version_is_promoted_by_force_only_and_marked(retune: Command, ledger: Ledger) -> None:
    code, _, err = retune("promote", "m@2")
    assert code == 1
    assert "The gate's answer to m@2 is 'hold': Which may be chance." in err
    assert "retune promote m@2 --force" in err
    code, out, _ = retune("promote", "m@2", "--force", "--json")
    assert (code, json.loads(out)["forced"]) == (0, True)
    retune("promote", "m@1")
    listed = json.loads(retune("versions", "m", "--json")[1])["versions"]
    assert [one["forced"] for one in listed] == [False, True, False]
    assert "m@2  fp32, 4 labels, promoted by force" in retune("versions", "m")[1]
    assert "@2 Promoted by hand, by force." in retune("decisions", "m")[1]
    assert [row.forced for row in ledger.promotions("m")] == [False, True, False]


@pytest.mark.usefixtures("judged")
def test_a_version_that_nobody_judged_needs_no_force(retune: Command) -> None:
    code, out, _ = retune("promote", "m@3", "--force", "--json")
    assert (code, json.loads(out)["forced"]) == (0, False)


@pytest.mark.usefixtures("judged")
def test_a_version_that_was_rolled_back_is_promoted_by_force_only(retune: Command, ledger: Ledger) -> None:
    rolled_back(ledger, "3")
    code, _, err = retune("promote", "m@3")
    assert code == 1
    assert "The guard rolled m@3 back on" in err
    assert retune("promote", "m@3", "--force")[0] == 0


@pytest.mark.usefixtures("judged")
def test_without_the_ledger_nothing_is_promoted_by_accident(retune: Command, ledger: Ledger, home: Path) -> None:
    ledger.database.close()
    for ending in ("", "-wal", "-shm"):
        (home / f"ledger.db{ending}").write_bytes(b"no ledger" * 100)
    code, _, err = retune("promote", "m@2")
    assert code == 1
    assert "Whether the gate refused m@2 cannot be read" in err
    code, out, err = retune("promote", "m@2", "--force")
    assert code == 0
    assert "m@2 is the champion. It was promoted by force" in out
    assert "Not recorded in the ledger" in err
    pointer = open_registry(Config(home=home)).champion("m")
    assert (pointer.version, pointer.forced) == ("2", True)


@pytest.mark.usefixtures("judged")
def test_incidents_are_listed_with_what_was_done(retune: Command, ledger: Ledger) -> None:
    assert "No incident of 'm'." in retune("incidents", "m")[1]
    rolled_back(ledger, "2")
    out = retune("incidents", "m")[1]
    assert "m@2  accuracy: Worse." in out
    assert "rolled back: Back." in out
    found = json.loads(retune("incidents", "m", "--json")[1])
    assert (found["incidents"][0]["action"], found["guard"]) == ("rolled back", None)
    assert retune("incidents", "absent")[0] == 1


@pytest.mark.usefixtures("judged")
def test_a_guard_that_another_version_ended_says_which(retune: Command, ledger: Ledger) -> None:
    guards = Guards(ledger.database)
    guard = guards.begin("m", Champion("2", since="2026-01-01"), previous="1", after_number=0, promise=Promise())
    found = [Finding("accuracy", 0, 1.0, "0 of 0 are right."), Finding("errors", 9, 1.0, "0 of 9 requests failed.")]
    guards.note(guard, found, labels=0, watched_s=60)
    said = retune("incidents", "m")[1]
    assert ("0 of 9 requests failed." in said, "0 of 0" in said) == (True, False)
    guards.end(guard, "overtaken", "m@1 was put in service.")
    assert "ended early: m@1 was put in service." in retune("incidents", "m")[1]


@pytest.mark.usefixtures("judged")
def test_a_roll_back_is_listed_with_both_versions(retune: Command) -> None:
    retune("promote", "m@3")
    retune("rollback", "m")
    assert "back      @3 to @1. Rolled back by hand." in retune("decisions", "m")[1]
