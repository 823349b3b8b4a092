from __future__ import annotations

import os
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from core.errors import HomeSupervised
from core.home_processes.supervision import (
    LOCK,
    SupervisedProcess,
    Supervision,
    last_supervision,
    publish,
    supervising,
    supervision_of,
)

ROOT = Path(__file__).parents[3]
URL = "http://127.0.0.1:3000"


def test_what_runs_is_read_by_others_as_long_as_it_runs(tmp_path: Path) -> None:
    this = Supervision.of_this_process(URL)
    with supervising(tmp_path, this):
        process = SupervisedProcess("worker", 12, this.since, 3, this.since, "was killed by SIGKILL")
        published = replace(this, processes=(process,))
        publish(tmp_path, published)
        assert supervision_of(tmp_path) == published
    assert supervision_of(tmp_path) is None
    assert last_supervision(tmp_path) == published


def test_a_home_has_one_supervisor_and_the_second_learns_which(tmp_path: Path) -> None:
    this = Supervision.of_this_process(URL)
    with (
        supervising(tmp_path, this),
        pytest.raises(HomeSupervised, match=rf"{tmp_path}: process {os.getpid()} on .*, since .* UTC\."),
        supervising(tmp_path, this),
    ):
        pass
    with supervising(tmp_path, this):
        pass


def test_a_supervisor_that_was_killed_holds_nothing(tmp_path: Path) -> None:
    program = (
        "import os, sys; from pathlib import Path; from core.home_processes.supervision import *\n"
        f"with supervising(Path({str(tmp_path)!r}), Supervision.of_this_process('u')):\n"
        " os.kill(os.getpid(), 9)"
    )
    assert subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=False).returncode == -9
    assert last_supervision(tmp_path) is not None
    assert supervision_of(tmp_path) is None


def test_a_home_without_a_supervisor_has_none_and_gets_no_file(tmp_path: Path) -> None:
    assert supervision_of(tmp_path) is None
    assert supervision_of(tmp_path / "none") is None
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("content", ["", "{", "[]", '{"host": "h"}'])
def test_a_damaged_state_is_none_and_its_holder_is_said_without_it(tmp_path: Path, content: str) -> None:
    with supervising(tmp_path, Supervision.of_this_process(URL)):
        (tmp_path / "up.json").write_text(content)
        assert supervision_of(tmp_path) is None
        with pytest.raises(HomeSupervised, match="another process"), supervising(tmp_path, Supervision("h", 1, "", "")):
            pass
    assert (tmp_path / LOCK).exists()


def test_a_process_knows_its_supervisor(tmp_path: Path) -> None:
    host = socket.gethostname()
    assert Supervision(host, os.getppid(), "", URL).is_parent
    assert not Supervision("another", os.getppid(), "", URL).is_parent
    assert not Supervision(host, os.getpid(), "", URL).is_parent
