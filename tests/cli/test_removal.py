"""`retune delete` and `prune`."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from core.config import Config
from core.home_processes.server_workers import ModelStatus, ServerWorkers
from core.jobs import JobQueue
from core.ledger import Ledger
from core.package import read_digest, read_facts
from core.processes.owner import this_worker
from core.records import TRAFFIC, GateRecord, GateVerdict, Verdict
from core.registry import Registry, open_registry
from tests.cli.conftest import Command
from tests.cli.test_diff import variant
from tests.cli.test_errors import assert_error
from tests.cli.test_status import predict


@pytest.fixture
def registry(home: Path) -> Registry:
    return open_registry(Config(home=home))


@pytest.fixture
def model(retune: Command, tiny_package: Path, tmp_path: Path) -> str:
    """Seven versions, of which 3 and then 4 were promoted."""
    for number in range(7):
        folder = variant(tiny_package, tmp_path / f"p{number}", metrics={"number": number})
        retune("register", folder, "--model", "m")
        shutil.rmtree(folder)
    retune("promote", "m@3")
    retune("promote", "m@4")
    return "m"


@pytest.fixture
def served(home: Path) -> Iterator[ServerWorkers]:
    """A server with version 4 in service and 3 warm."""
    workers = ServerWorkers(home)
    workers.publish({"m": ModelStatus("4", warm=("3",))})
    yield workers
    workers.remove()


def kept(retune: Command, *words: str) -> dict[str, str]:
    (found,) = json.loads(retune("prune", "m", "--dry-run", "--json", *words)[1])["models"]
    reasons: dict[str, str] = found["kept"]
    return reasons


def test_prune_keeps_the_latest_and_what_a_rollback_needs(retune: Command, model: str, registry: Registry) -> None:
    assert kept(retune, "--keep", "2").keys() == {"3", "4", "6", "7"}
    assert registry.versions(model) == list("1234567")
    lines = retune("prune", "--keep", "2", "--dry-run")[1].splitlines()
    assert lines[0] == "m@1, m@2, m@5 would be deleted."
    assert "  m@3 stays: a rollback of m@4 goes back to it." in lines
    code, out, err = retune("prune", "--keep", "2")
    assert (code, out, "Confirm it with --yes" in err) == (1, "", True)
    assert registry.versions(model) == list("1234567")
    code, out, _ = retune("prune", "--keep", "2", "--yes")
    assert (code, out.startswith("3 versions deleted; ")) == (0, True)
    assert registry.versions(model) == ["3", "4", "6", "7"]
    assert "no version of m would be deleted." in retune("prune", "--keep", "2", "--dry-run")[1]
    assert kept(retune, "--keep", "0").keys() == {"3", "4"}


def test_a_version_that_is_needed_is_not_deleted(
    retune: Command, model: str, ledger: Ledger, registry: Registry
) -> None:
    assert_error(retune("delete", "m@4", "--yes"), "m@4 cannot be deleted: it is the champion.")
    assert_error(retune("delete", "m@3"), "a rollback of m@4 goes back to it")
    assert_error(retune("delete", "m@2"), "Nothing was deleted. Confirm it with --yes.")
    held = GateRecord(1, GateVerdict("hold", "Better, but it may be chance."))
    ledger.record_promotion("m", "6", previous="4", promoted=False, reason="", gate=held)
    assert_error(retune("delete", "m@6", "--yes"), "the gate holds it")
    assert registry.versions(model) == list("1234567")
    queue = JobQueue(ledger)
    queue.enqueue("m", "retrain")
    assert_error(retune("delete", "m@7", "--yes"), "job 1 (retrain) is queued and may need it")
    assert_error(retune("delete", "m", "--yes"), "job 1 (retrain) is queued", "retune jobs cancel 1")
    job = queue.take(this_worker())
    assert job is not None
    queue.fail(job, "So it is.")
    assert retune("delete", "m@7", "--yes")[0] == 0
    ledger.record_promotion("m", "5", previous="4", promoted=False, reason="", gate=replace(held, job=2))
    assert retune("delete", "m@6", "--yes")[0] == 0  # the gate looks at the last challenger only


def test_a_version_whose_encoder_another_has_stays(
    retune: Command, model: str, registry: Registry, tiny_package: Path, tmp_path: Path
) -> None:
    lineage = read_facts(tiny_package).lineage
    digest = read_digest(registry.folder(model, "1"))
    head = variant(tiny_package, tmp_path / "head", lineage=replace(lineage, checkpoint="", encoder_of=digest))
    retune("register", head, "--model", "m")
    retune("promote", "m@8")
    assert_error(retune("delete", "m@1", "--yes"), "m@8 has its encoder")


def test_what_a_server_has_in_memory_stays(
    retune: Command, model: str, served: ServerWorkers, registry: Registry
) -> None:
    served.publish({"m": ModelStatus("4", warm=("2",))})
    assert_error(retune("delete", "m@2", "--yes"), "has it in memory")
    assert_error(retune("delete", "m", "--yes"), "answers its requests with version 4", "Stop that server first")
    served.remove()
    assert retune("delete", "m", "--yes")[0] == 0
    assert registry.models() == []


def test_other_commands_say_that_it_is_gone(retune: Command, model: str, ledger: Ledger, tiny_package: Path) -> None:
    predict(ledger, 3, version="2")
    ledger.record_check("m", "2", Verdict("ok", sentence="Nothing moved."), source=TRAFFIC)
    assert retune("delete", "m@2", "--yes")[0] == 0
    assert_error(retune("promote", "m@2"), "Model 'm' has no version '2' any more: it was deleted on 20", "Known: 1, 3")
    assert "@2 traffic, ok: Nothing moved." in retune("decisions", "m")[1]
    assert retune("versions", "m")[0] == 0
    assert retune("delete", "m", "--yes")[0] == 0
    assert_error(retune("versions", "m"), "Model 'm' was deleted from the registry", "'retune decisions m'")
    assert "@2 traffic, ok: Nothing moved." in retune("decisions", "m")[1]
    assert retune("status")[0] == 0


def test_a_number_is_never_given_again(retune: Command, model: str, tiny_package: Path) -> None:
    def register() -> Any:
        return json.loads(retune("register", tiny_package, "--model", "m", "--json")[1])["version"]

    retune("delete", "m@7", "--yes")
    assert register() == "8"
    retune("delete", "m", "--yes")
    assert register() == "9"


def test_a_second_rollback_skips_what_is_deleted(retune: Command, model: str) -> None:
    retune("promote", "m@5")
    assert retune("delete", "m@3", "--yes")[0] == 0
    assert "m@4 is the champion again" in retune("rollback", "m")[1]
    assert_error(retune("rollback", "m"), "Model 'm' has no")


def test_reports_and_checkpoints_go_with_a_version(retune: Command, model: str, home: Path) -> None:
    reports = home / "reports" / "m"
    reports.mkdir(parents=True)
    for version in ("2", "22"):
        (reports / f"20260101T000000.000000Z-v{version}.html").touch()
    code, out, _ = retune("delete", "m@2", "--yes", "--json")
    assert (code, json.loads(out)["reports"]) == (0, 1)
    assert json.loads(out)["freed_bytes"] > 1000
    assert [path.name for path in reports.iterdir()] == ["20260101T000000.000000Z-v22.html"]


def test_a_model_is_confirmed_by_its_name(retune: Command, model: str, ledger: Ledger, registry: Registry) -> None:
    predict(ledger, 3)
    _, _, err = retune("delete", "m")
    assert "Model 'm' with 7 versions will be deleted for ever. The ledger keeps its 3 predictions" in err
    assert "--yes" in err
    assert registry.models() == ["m"]


def test_an_interrupted_deletion_is_finished_by_the_next_one(
    retune: Command, model: str, registry: Registry, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    versions = home / "registry" / "m" / "versions"
    monkeypatch.setattr("core.store.shutil.rmtree", lambda *_, **__: None)
    retune("delete", "m@1", "--yes")
    monkeypatch.undo()
    assert registry.versions(model) == list("234567")
    assert len(os.listdir(versions)) == 7
    retune("delete", "m@2", "--yes")
    assert sorted(os.listdir(versions)) == list("34567")
