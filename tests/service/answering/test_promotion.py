"""Changes of champion, with a worker in this process."""

from __future__ import annotations

import shutil
import sqlite3
import threading
import time
from contextlib import ExitStack
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from core import promotion
from core.config import Config
from core.durable import file_lock
from core.errors import CorruptPackage, PointerUnreadable, PromotionSuperseded, PromotionTimeout, VersionRefused
from core.home import Home
from core.home_processes.server_workers import ModelStatus, ServerWorkers
from core.records import PromotionRecord
from core.registry import Champion, Registry
from service.worker import Worker
from tests.service.conftest import Variant

WRONG = [{"text": "my invoice", "label": "bug", "scores": {"billing": 0.0, "bug": 1.0, "how_to": 0.0}}]


def test_promotion_returns_when_the_worker_answers_with_the_version(
    worker: Worker, registry: Registry, config: Config, second_package: Path
) -> None:
    promotion.promote(Home(config), "tickets", registry.add(second_package, "tickets"))
    assert worker.champions.served("tickets").version == "2"


def test_a_rollback_uses_the_warm_version_in_memory(
    worker: Worker, registry: Registry, config: Config, second_package: Path
) -> None:
    first = worker.champions.served("tickets").engine
    promotion.promote(Home(config), "tickets", registry.add(second_package, "tickets"))
    assert worker.champions.status()["tickets"].warm == ("1",)
    promotion.roll_back(Home(config), "tickets")
    assert worker.champions.served("tickets").engine is first


def test_a_version_with_wrong_golden_answers_is_refused_before_anything_changes(
    worker: Worker, registry: Registry, config: Config, variant: Variant
) -> None:
    version = registry.add(variant(golden=WRONG), "tickets")
    with pytest.raises(CorruptPackage, match="golden text 1"):
        promotion.promote(Home(config), "tickets", version)
    assert registry.champion("tickets").version == "1"


def test_a_version_that_a_worker_cannot_load_is_not_promoted(
    registry: Registry, config: Config, second_package: Path
) -> None:
    registry.add(second_package, "tickets")
    before = registry.champion("tickets")
    server_workers = ServerWorkers(config.home)
    # An earlier failure of the same version must not count.
    server_workers.publish(
        {"tickets": ModelStatus("1", before.since, error="earlier", failed="2", failed_since="long ago")}
    )

    def fail(champion: Champion, *_: object) -> None:
        failed = ModelStatus("1", before.since, error="no memory", failed="2", failed_since=champion.since)
        server_workers.publish({"tickets": failed})

    with pytest.raises(VersionRefused, match="no memory") as refused:
        promotion.promote(Home(config), "tickets", "2", timeout_s=5, on_change=fail)
    server_workers.remove()
    assert "version 1 goes on answering" in str(refused.value)
    assert registry.champion("tickets") == before


def test_promotion_fails_if_a_worker_does_not_follow_in_time(
    registry: Registry, config: Config, second_package: Path
) -> None:
    registry.add(second_package, "tickets")
    server_workers = ServerWorkers(config.home)
    server_workers.publish({"tickets": ModelStatus("1", "long ago")})
    with pytest.raises(PromotionTimeout, match="1 workers do not answer"):
        promotion.promote(Home(config), "tickets", "2", timeout_s=0.1)
    server_workers.remove()


def test_after_a_start_an_earlier_champion_replaces_a_corrupt_one(
    registry: Registry, config: Config, second_package: Path
) -> None:
    registry.promote("tickets", registry.add(second_package, "tickets"))
    with (config.home / "registry/tickets/versions/2/model.onnx").open("ab") as graph:
        graph.write(b"x")
    worker = Worker(config)
    worker.champions.poll()
    status = worker.champions.status()["tickets"]
    assert (status.version, status.failed) == ("1", "2")


def test_operators_promote_and_roll_back_over_http(
    client: TestClient, registry: Registry, second_package: Path
) -> None:
    registry.add(second_package, "tickets")
    promoted = client.post("/admin/models/tickets/promote", json={"version": "2"})
    assert (promoted.status_code, promoted.json()["champion"]) == (200, "2")
    assert client.post("/predict", json={"texts": ["my invoice"]}).json()["version"] == "2"
    assert client.post("/admin/models/tickets/rollback").json()["champion"] == "1"
    assert client.post("/admin/models/tickets/rollback").status_code == 409
    assert client.post("/admin/models/tickets/promote", json={"version": "7"}).status_code == 404


def test_open_requests_finish_with_the_version_they_started_with(
    client: TestClient, registry: Registry, second_package: Path
) -> None:
    version = registry.add(second_package, "tickets")
    seen: list[tuple[int, str]] = []
    stop = threading.Event()

    def ask() -> None:
        while not stop.is_set():
            answer = client.post("/predict", json={"texts": ["my invoice", "a crash"]})
            seen.append((answer.status_code, answer.json()["version"]))

    asking = threading.Thread(target=ask)
    asking.start()
    for target in (version, "1", version):
        registry.promote("tickets", target)
        time.sleep(0.3)
    stop.set()
    asking.join()
    assert {status for status, _ in seen} == {200}
    assert {answered for _, answered in seen} == {"1", version}


def test_a_model_is_added_and_removed_while_it_runs(
    client: TestClient, registry: Registry, config: Config, tiny_package: Path
) -> None:
    promotion.promote(Home(config), "other", registry.add(tiny_package, "other"))
    assert client.post("/predict", json={"texts": ["a"], "model": "other"}).status_code == 200
    assert client.post("/predict", json={"texts": ["a"]}).json()["model"] == "tickets"
    assert len(client.get("/admin/models").json()["models"]) == 2
    shutil.rmtree(config.home / "registry/other")
    deadline = time.monotonic() + 5
    while client.post("/predict", json={"texts": ["a"], "model": "other"}).status_code != 404:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_version_that_failed_once_can_be_promoted_again(
    worker: Worker, registry: Registry, config: Config, second_package: Path
) -> None:
    version = registry.add(second_package, "tickets")
    before = registry.champion("tickets")
    graph = config.home / "registry/tickets/versions/2/model.onnx"
    whole = graph.read_bytes()

    # Keeps the worker from loading the version before it is damaged.
    loading = ExitStack()
    loading.enter_context(file_lock(config.home.absolute() / "loading.lock"))

    def damage(champion: Champion, *_: object) -> None:
        if champion.version == version:
            graph.write_bytes(whole + b"x")
            loading.close()

    with loading, pytest.raises(VersionRefused, match="model.onnx differs"):
        promotion.promote(Home(config), "tickets", version, on_change=damage)
    assert registry.champion("tickets") == before
    assert worker.champions.status()["tickets"].failed == version
    graph.write_bytes(whole)
    promotion.promote(Home(config), "tickets", version)
    assert worker.champions.served("tickets").version == version


def test_a_refused_first_promotion_leaves_no_champion(registry: Registry, config: Config, tiny_package: Path) -> None:
    registry.add(tiny_package, "other")
    server_workers = ServerWorkers(config.home)
    server_workers.publish({})

    def fail(champion: Champion, *_: object) -> None:
        server_workers.publish({"other": ModelStatus(None, None, error="no", failed="1", failed_since=champion.since)})

    with pytest.raises(VersionRefused, match="no version answers"):
        promotion.promote(Home(config), "other", "1", timeout_s=5, on_change=fail)
    server_workers.remove()
    assert registry.pointer("other") is None


def test_promoting_the_champion_again_is_not_recorded(client: TestClient, worker: Worker) -> None:
    assert client.post("/admin/models/tickets/promote", json={"version": "1"}).status_code == 200
    assert recorded_promotions(worker) == []


def test_a_refused_promotion_is_recorded_and_the_champion_is_not_shown_as_failing(
    client: TestClient, worker: Worker, registry: Registry, variant: Variant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        promotion, "verify_contents", lambda _: None
    )  # otherwise it is refused before the pointer changes
    version = registry.add(variant(golden=WRONG), "tickets")
    assert client.post("/admin/models/tickets/promote", json={"version": version}).status_code == 409
    recorded = [(row.version, row.reason) for row in recorded_promotions(worker)]
    assert recorded == [("1", "Version 2 could not be loaded."), ("2", "Promoted over HTTP.")]
    deadline = time.monotonic() + 10
    while worker.champions.status()["tickets"].failing and time.monotonic() < deadline:
        time.sleep(0.05)
    assert "could not be loaded</h2>" not in client.get("/dashboard/tickets").text


def test_a_damaged_pointer_is_reported_and_repaired_by_a_promotion(
    client: TestClient, worker: Worker, registry: Registry, config: Config
) -> None:
    (config.home / "registry/tickets/champion.json").write_text("{")
    deadline = time.monotonic() + 10
    while not worker.champions.status()["tickets"].failing and time.monotonic() < deadline:
        time.sleep(0.02)
    [state] = client.get("/admin/models").json()["models"]
    assert state["champion"] is None
    assert "champion.json of tickets cannot be read" in state["workers"][0]["error"]
    for page in ("/dashboard", "/dashboard/tickets"):
        answer = client.get(page)
        assert answer.status_code == 200
        assert "cannot be read" in answer.text
    with pytest.raises(PointerUnreadable):
        registry.pointer("tickets")
    assert client.post("/admin/models/tickets/promote", json={"version": "1"}).status_code == 200
    assert registry.champion("tickets").version == "1"
    assert client.get("/admin/models/tickets").json()["workers"][0]["error"] is None


def test_a_rollback_does_not_wait_for_a_locked_ledger(
    client: TestClient, worker: Worker, registry: Registry, config: Config, second_package: Path
) -> None:
    promotion.promote(Home(config), "tickets", registry.add(second_package, "tickets"))
    with worker.home.ledger.database.write():
        pass  # creates it
    lock = sqlite3.connect(config.home / "ledger.db", isolation_level=None)
    lock.execute("BEGIN IMMEDIATE")
    answer = client.post("/admin/models/tickets/rollback")
    assert (answer.status_code, answer.json()["champion"]) == (200, "1")
    lock.execute("ROLLBACK")
    lock.close()
    assert [(row.version, row.reason) for row in recorded_promotions(worker)] == [("1", "Rolled back over HTTP.")]


def test_a_superseded_promotion_raises_an_error(registry: Registry, config: Config, second_package: Path) -> None:
    version = registry.add(second_package, "tickets")
    server_workers = ServerWorkers(config.home)
    server_workers.publish(
        {"tickets": ModelStatus("1", registry.champion("tickets").since)}
    )  # a worker that does not switch

    def overtake(*_: object) -> None:
        registry.promote("tickets", "1")

    with pytest.raises(PromotionSuperseded, match=r"tickets@1 took its place"):
        promotion.promote(Home(config), "tickets", version, timeout_s=30, on_change=overtake)
    server_workers.remove()
    assert registry.champion("tickets").version == "1"


def test_a_damaged_version_is_409_over_http(
    client: TestClient, registry: Registry, config: Config, second_package: Path
) -> None:
    version = registry.add(second_package, "tickets")
    graph = config.home / f"registry/tickets/versions/{version}/model.onnx"
    graph.write_bytes(graph.read_bytes() + b"x")
    answer = client.post("/admin/models/tickets/promote", json={"version": version})
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "version_refused")
    assert "version 1 goes on answering" in answer.json()["error"]["message"]


def recorded_promotions(worker: Worker) -> list[PromotionRecord]:
    """The changes of champion in the ledger, after the queued ones are written."""
    worker.promotion_executor.submit(lambda: None).result(timeout=10)
    return worker.home.ledger.promotions("tickets")
