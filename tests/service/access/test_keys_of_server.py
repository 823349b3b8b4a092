"""Keys and rate limits of a real server: its workers share them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from core.api_keys import add_key, revoke_key
from core.config import Config
from service.host.process import running_server
from tests.service.conftest import put_in_service, server_config

BODY = {"texts": ["my invoice was charged again"]}
FOLLOWED_S = 1.0


@pytest.fixture(scope="module")
def keyed_config(tmp_path_factory: pytest.TempPathFactory, tiny_package: Path) -> Config:
    config = server_config(tmp_path_factory.mktemp("keyed"))
    put_in_service(config, tiny_package)
    return config


@pytest.fixture(scope="module")
def keyed_server(keyed_config: Config) -> Iterator[str]:
    with running_server(keyed_config, log=keyed_config.home / "server.log") as url:
        yield url


def statuses(server: str, key: str = "", *, calls: int = 12) -> list[int]:
    """The statuses of calls with a new connection for each, so that both workers answer some."""
    headers = {"X-API-Key": key} if key else {}
    return [httpx.post(f"{server}/predict", json=BODY, headers=headers).status_code for _ in range(calls)]


def test_all_workers_apply_key_changes_and_share_rate_limits(keyed_server: str, keyed_config: Config) -> None:
    assert set(statuses(keyed_server)) == {200}
    _, free = add_key(keyed_config.keys_file, "free", ["predict"])
    _, bound = add_key(keyed_config.keys_file, "bound", ["predict"], rate=0.01, burst=10)
    time.sleep(FOLLOWED_S)
    assert set(statuses(keyed_server)) == {401}
    assert set(statuses(keyed_server, free)) == {200}
    assert statuses(keyed_server, bound, calls=24) == [200] * 10 + [429] * 14
    revoke_key(keyed_config.keys_file, "free")
    time.sleep(FOLLOWED_S)
    assert set(statuses(keyed_server, free)) == {401}


def test_answers_have_no_server_header(keyed_server: str) -> None:
    assert "server" not in httpx.get(f"{keyed_server}/livez").headers
