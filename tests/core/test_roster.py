from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from core.roster import Roster, Standing, living_workers

ENTER_AND_DIE = """
import sys; from pathlib import Path; from core.roster import Roster, Standing
Roster(Path(sys.argv[1])).enter({"tickets": Standing("9", "now")})
"""


def test_an_entry_is_read_back_whole(tmp_path: Path) -> None:
    roster = Roster(tmp_path)
    standing = Standing("2", "now", error="it differs", failed="3", warm=("1",))
    roster.enter({"tickets": standing}, draining=True)
    [worker] = roster.workers()
    assert (worker.pid, worker.draining, worker.models) == (os.getpid(), True, {"tickets": standing})
    assert living_workers(tmp_path) == [worker]
    roster.leave()
    assert roster.workers() == []


def test_what_the_dead_left_is_removed(tmp_path: Path) -> None:
    roster = Roster(tmp_path)
    roster.enter({})
    subprocess.run([sys.executable, "-c", ENTER_AND_DIE, str(tmp_path)], check=True)
    assert len(list((tmp_path / "workers").glob("*/*.json"))) == 2
    assert [worker.pid for worker in living_workers(tmp_path)] == [os.getpid()]
    assert len(list((tmp_path / "workers").glob("*/*.json"))) == 1
    roster.leave()
