from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from core.home_processes.server_workers import ModelStatus, ServerWorkers, living_server_workers

PUBLISH_AND_EXIT = """
import sys; from pathlib import Path; from core.home_processes.server_workers import ServerWorkers, ModelStatus
ServerWorkers(Path(sys.argv[1])).publish({"tickets": ModelStatus("9", "now")})
"""


def test_a_published_status_is_read_unchanged(tmp_path: Path) -> None:
    server_workers = ServerWorkers(tmp_path)
    status = ModelStatus("2", "now", error="it differs", failed="3", warm=("1",))
    server_workers.publish({"tickets": status}, draining=True)
    [worker] = server_workers.living()
    assert (worker.pid, worker.draining, worker.models) == (os.getpid(), True, {"tickets": status})
    assert living_server_workers(tmp_path) == [worker]
    server_workers.remove()
    assert server_workers.living() == []


def test_files_of_ended_workers_are_deleted(tmp_path: Path) -> None:
    server_workers = ServerWorkers(tmp_path)
    server_workers.publish({})
    subprocess.run([sys.executable, "-c", PUBLISH_AND_EXIT, str(tmp_path)], check=True)
    assert len(list((tmp_path / "workers").glob("*/*.json"))) == 2
    assert [worker.pid for worker in living_server_workers(tmp_path)] == [os.getpid()]
    assert len(list((tmp_path / "workers").glob("*/*.json"))) == 1
    server_workers.remove()
