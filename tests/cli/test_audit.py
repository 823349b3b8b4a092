from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from core.audit.waiting import FILE
from core.config import Config
from core.lineage import Lineage
from core.package import read_facts, write_facts, write_manifest
from core.registry import open_registry
from tests.cli.conftest import Command


@pytest.fixture
def second_package(tiny_package: Path, tmp_path: Path) -> Path:
    """Another package with the same answers."""
    folder = tmp_path / "second"
    shutil.copytree(tiny_package, folder)
    write_facts(folder, replace(read_facts(folder), lineage=Lineage(retune="second")))
    (folder / "manifest.json").unlink()
    write_manifest(folder)
    return folder


def entries(retune: Command, *words: str) -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads(retune("audit", *words, "--json")[1])["entries"]
    return found


def test_changes_by_command_are_in_the_audit(
    retune: Command, home: Path, tiny_package: Path, second_package: Path
) -> None:
    for package in (tiny_package, second_package):
        retune("register", package, "--model", "tickets")
    retune("promote", "tickets@1")
    retune("promote", "tickets@2")
    retune("rollback", "tickets")
    retune("retrain", "tickets")
    retune("jobs", "cancel", "1")
    retune("labels", "accept", "tickets", "chargeback", "--reason", "a new kind")
    found = entries(retune, "tickets")
    assert [entry["action"] for entry in found][::-1] == [
        *["register"] * 2,
        *["promote"] * 2,
        "roll_back",
        "retrain",
        "cancel_job",
        "label_rule",
    ]
    assert found[0]["facts"] == {"rule": "accept", "label": "chargeback", "reason": "a new kind"}
    assert found[3]["facts"] == {"version": "1", "before": "2"}
    assert {entry["via"] for entry in found} == {"cli"}
    assert str(found[0]["who"]).startswith("user ")
    assert "roll_back tickets  version 1, before 2" in retune("audit")[1]


def test_keys_are_in_the_audit_without_their_secret(retune: Command) -> None:
    key = retune("keys", "add", "shop", "--scope", "label", "--yes")[1].strip()
    retune("keys", "revoke", "shop")
    code, out, _ = retune("audit")
    assert code == 0
    assert [line.split()[3] for line in out.splitlines()] == ["(cli)"] * 2
    assert "add_key  name shop" in out
    assert key.split("_")[2] not in out


def test_since_limit_and_wrong_words(retune: Command, home: Path) -> None:
    assert "No change is recorded in" in retune("audit")[1]
    assert not home.exists()
    retune("keys", "add", "shop", "--scope", "predict", "--yes")
    assert len(entries(retune)) == 1
    assert entries(retune, "--since", "2999-01-01") == []
    assert retune("audit", "nope")[0] == 1
    assert retune("audit", "--since", "yesterday")[0] == 2
    assert retune("audit", "--limit", "0")[0] == 2


def test_a_rollback_without_a_ledger_is_in_the_audit_later(
    retune: Command, home: Path, tiny_package: Path, second_package: Path
) -> None:
    registry = open_registry(Config(home=home))
    for package in (tiny_package, second_package):
        registry.promote("tickets", registry.add(package, "tickets"))
    (home / "ledger.db").mkdir()
    code, _, err = retune("rollback", "tickets")
    assert code == 0
    assert "Not in the audit: The ledger is away. It waits in" in err
    (home / "ledger.db").rmdir()
    _, out, err = retune("audit", "tickets")
    assert (out.count("roll_back"), "1 more wait" in err) == (0, True)
    retune("retrain", "tickets")
    assert [entry["action"] for entry in entries(retune, "tickets")] == ["roll_back", "retrain"]
    assert not (home / FILE).exists()
