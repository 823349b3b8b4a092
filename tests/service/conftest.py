"""A home with a served model, a worker in this process, and a real server."""

from __future__ import annotations

import shutil
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.testclient import TestClient

from core.config import Config, LedgerConfig, ServiceConfig
from core.lineage import Lineage
from core.package import read_facts, write_facts, write_manifest
from core.registry import Registry, open_registry
from service.host.process import running_server
from service.recording.recorder import Recorder
from service.worker import Worker
from tests.service.apps import app_of

Variant = Callable[..., Path]


@pytest.fixture(scope="session")
def variant(tiny_package: Path, tmp_path_factory: pytest.TempPathFactory) -> Variant:
    """Makes packages of the same model with other facts: `variant(abstain_below=1.0)`."""

    def make(**facts: Any) -> Path:
        folder = tmp_path_factory.mktemp("variant") / "package"
        shutil.copytree(tiny_package, folder)
        write_facts(folder, replace(read_facts(folder), **facts))
        (folder / "manifest.json").unlink()
        write_manifest(folder)
        return folder

    return make


@pytest.fixture(scope="session")
def second_package(variant: Variant) -> Path:
    """Another package with the same answers."""
    return variant(lineage=Lineage(retune="second"))


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return Config(
        home=tmp_path / "home",
        service=ServiceConfig(workers=1, champion_poll_s=0.02, max_body_bytes=10_000, max_items=8, max_text_chars=500),
        ledger=LedgerConfig(flush_s=0.05),
    )


@pytest.fixture
def registry(config: Config, tiny_package: Path) -> Registry:
    """The model `tickets` with its version 1 in service."""
    return put_in_service(config, tiny_package)


def put_in_service(config: Config, package: Path) -> Registry:
    """The registry of the config, with the package as version 1 of `tickets`, in service."""
    registry = open_registry(config)
    registry.promote("tickets", registry.add(package, "tickets"))
    return registry


@pytest.fixture
def worker(config: Config, registry: Registry) -> Iterator[Worker]:
    worker = Worker(config)
    worker.start()
    yield worker
    worker.close()


@pytest.fixture
def client(worker: Worker) -> TestClient:
    """A client of the worker on the same machine."""
    return local_client(worker)


def local_client(worker: Worker, **options: Any) -> TestClient:
    return TestClient(app_of(worker), base_url="http://localhost:3000", client=("127.0.0.1", 50_000), **options)


def flush(recorder: Recorder, *, timeout_s: float = 5) -> bool:
    """Wait until all queued records are written or dropped; False after `timeout_s`."""
    return recorder._queue.flush(timeout_s)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def server_config(home: Path) -> Config:
    return Config(
        home=home,
        service=ServiceConfig(
            port=free_port(), workers=2, champion_poll_s=0.05, max_body_bytes=200_000, timeout_s=5, drain_s=0.2
        ),
        ledger=LedgerConfig(flush_s=0.2),
    )


@pytest.fixture(scope="session")
def served_config(tmp_path_factory: pytest.TempPathFactory, tiny_package: Path) -> Config:
    config = server_config(tmp_path_factory.mktemp("served"))
    put_in_service(config, tiny_package)
    return config


@pytest.fixture(scope="session")
def server(served_config: Config) -> Iterator[str]:
    """The URL of a real server with two workers, both of them running."""
    with running_server(served_config, log=served_config.home / "server.log") as url:
        wait_until(lambda: is_ready(url))
        yield url


def is_ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/readyz", timeout=5).status_code == 200
    except httpx.HTTPError:
        return False


def wait_until(is_so: Callable[[], bool], *, timeout_s: float = 30) -> None:
    deadline = time.monotonic() + timeout_s
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.05)
