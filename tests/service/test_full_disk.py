"""A real server whose home is on a small volume that becomes full. Only root can mount one."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from core.config import Config, LedgerConfig
from core.ledger import open_ledger
from service.host.process import running_server
from tests.service.conftest import put_in_service, server_config
from tests.small_volume import fill, small_volume

pytestmark = [pytest.mark.slow, pytest.mark.skipif(os.geteuid() != 0, reason="mounting needs root")]


@pytest.fixture
def config(tmp_path: Path) -> Iterator[Config]:
    with small_volume(tmp_path / "volume", size="20m") as volume:
        config = server_config(volume / "home")
        yield config.model_copy(update={"ledger": LedgerConfig(flush_s=0.05, queue_size=20)})


def ask(url: str, count: int) -> set[int]:
    # A new connection each time, so that both workers are asked.
    return {
        httpx.post(f"{url}/predict", json={"texts": [f"my invoice {number}"]}).status_code for number in range(count)
    }


def wait_for_warning(url: str, *, is_shown: bool) -> str:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        ask(url, 4)
        answers = [httpx.get(f"{url}/readyz").json() for _ in range(6)]
        if all(("warning" in answer) is is_shown for answer in answers):
            return str(answers[0].get("warning"))
        time.sleep(0.1)
    raise TimeoutError(answers)


def test_a_full_disk_under_the_home_fails_no_prediction(config: Config, tiny_package: Path, tmp_path: Path) -> None:
    put_in_service(config, tiny_package)
    volume, log = config.home.parent, tmp_path / "server.log"
    with running_server(config, log=log) as url:
        wait_for_warning(url, is_shown=False)
        fill(volume)
        assert "disk_full" in wait_for_warning(url, is_shown=True)
        assert ask(url, 100) == {200}
        assert "retune_ledger_failing 1.0" in httpx.get(f"{url}/metrics").text
        (volume / "filler").unlink()
        wait_for_warning(url, is_shown=False)
        page = httpx.get(f"{url}/metrics").text
    values = dict(line.split() for line in page.splitlines() if line.startswith("retune_ledger_"))
    assert float(values["retune_ledger_dropped_total"]) > 0
    ledger = open_ledger(config)
    assert ledger.count_predictions("tickets", "1") >= float(values["retune_ledger_written_total"]) > 0
    ledger.database.close()
    lines = log.read_text()
    is_away, is_back = "Predictions are answered, but cannot be recorded", "are recorded again"
    assert lines.count(is_away) == lines.count(is_back) == 2  # one line of each worker
    assert lines.count("is in service") == 2  # no worker was replaced
