"""`retune monitor --ui`: Evidently's dashboards of the checks of a home."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from monitoring.signals.catalogue import SIGNALS
from tests.monitoring.snapshots import add, snapshot_of
from tests.service.conftest import free_port

ROOT = Path(__file__).parents[2]


def started(home: Path, port: int) -> subprocess.Popen[str]:
    environment = {**os.environ, "RETUNE_HOME": str(home), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "cli", "monitor", "--ui", "--port", str(port)]
    return subprocess.Popen(
        command, env=environment, cwd=home, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def asked(port: int, path: str, body: Any = None) -> Any:
    content = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}{path}", content, {"Content-Type": "application/json"} if content else {}
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


@contextmanager
def serving(home: Path) -> Iterator[int]:
    port = free_port()
    with started(home, port) as server:
        try:
            for _ in range(120):
                with suppress(OSError):
                    asked(port, "/api/projects")
                    break
                assert server.poll() is None
                time.sleep(0.5)
            yield port
        finally:
            server.kill()


@pytest.mark.slow
def test_the_dashboards_have_a_value_for_each_check(tmp_path: Path) -> None:
    for number in range(2):
        add(snapshot_of(number + 1), tmp_path / "evidently", number)
    with serving(tmp_path) as port:
        (project,) = asked(port, "/api/projects")
        panels = asked(port, f"/api/v2/dashboards/{project['id']}")["panels"]
        assert len(panels) == 4 + len(SIGNALS)
        for panel in panels:
            wanted = {"series_filter": panel["values"]}
            found = asked(port, f"/api/v2/snapshots/{project['id']}/data_series_batch", wanted)["series"]
            assert len(found) >= len(panel["values"]), panel["title"]
            assert all(len(series["values"]) == 2 and None not in series["values"] for series in found), panel["title"]


def test_a_home_without_checks_and_a_port_in_use_have_their_sentences(tmp_path: Path) -> None:
    with started(tmp_path, 1) as ended:
        output, _ = ended.communicate(timeout=60)
    assert "has no checks to show" in output
    (tmp_path / "evidently" / "project" / "snapshots").mkdir(parents=True)
    (tmp_path / "evidently" / "project" / "snapshots" / "1.json").touch()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with started(tmp_path, taken.getsockname()[1]) as ended:
            output, _ = ended.communicate(timeout=60)
    assert "is in use" in output
