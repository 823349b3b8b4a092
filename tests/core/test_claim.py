from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from sqlalchemy import text

from core.claim import Claim
from core.config import Config
from core.database import Database
from tests.postgres import new_database, programs

Make = Callable[..., Claim]
HOLD = """
import sys
from core.claim import Claim
from core.database import Database
claim = Claim(Database(sys.argv[1]), "x")
print(claim.held_by_another(), flush=True)
sys.stdin.read()
"""


@pytest.fixture
def url(config: Config) -> str:
    return config.ledger_url


@pytest.fixture
def claim() -> Iterator[Make]:
    with ExitStack() as opened:

        def make(url: str, name: str = "x") -> Claim:
            database = Database(url)
            made = Claim(database, name)
            opened.callback(database.close)
            opened.callback(made.release)
            return made

        yield make


def test_one_holds_a_claim_and_others_learn_who(url: str, claim: Make) -> None:
    holder, other = claim(url), claim(url)
    assert holder.held_by_another() is None
    assert holder.held_by_another() is None
    assert (held_by := other.held_by_another()) is not None
    assert held_by.startswith(f"process {os.getpid()} on ")
    assert claim(url, "y").held_by_another() is None
    holder.release()
    assert other.held_by_another() is None


def test_a_killed_process_holds_nothing(url: str, claim: Make) -> None:
    command = [sys.executable, "-c", HOLD, url]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "None\n"
        ours = claim(url)
        assert (held_by := ours.held_by_another()) is not None
        assert f"process {process.pid} on " in held_by
        process.kill()
        process.wait()
    # PostgreSQL notices it after a moment.
    assert any(ours.held_by_another() is None for _ in range(1000))


@pytest.mark.skipif(programs() is None, reason="no PostgreSQL")
def test_a_lost_connection_gives_the_claim_up(request: pytest.FixtureRequest, claim: Make) -> None:
    url = new_database(request.getfixturevalue("postgres"))
    ours, other = claim(url), claim(url)
    assert ours.held_by_another() is None
    database = Database(url)
    with database.write() as connection:
        end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'process %'"
        connection.execute(text(end))
    database.close()
    assert any(other.held_by_another() is None for _ in range(1000))
    assert ours.held_by_another() is not None


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_lock_file_of_another_user_still_locks(tmp_path: Path, claim: Make) -> None:
    (tmp_path / "ledger.db.x.lock").touch(mode=0o444)
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    holder, other = claim(url), claim(url)
    assert holder.held_by_another() is None
    assert other.held_by_another() == "another process"


def test_a_database_in_memory_has_no_claims(claim: Make) -> None:
    assert claim("sqlite://").held_by_another() is None
    assert claim("sqlite://").held_by_another() is None
