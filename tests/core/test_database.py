"""SQLite on a full disk, beside others that open the same file, and when its file goes."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text

from core import database as database_module
from core.database import INDEX_BYTES, Database
from core.errors import DiskFull, LedgerMoved, LedgerUnreadable


def test_the_mapped_index_of_the_log_has_its_place_on_the_disk(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'ledger.db'}")
    with database.write():
        pass
    assert (tmp_path / "ledger.db-shm").stat().st_blocks * 512 >= INDEX_BYTES
    database.close()


def test_a_ledger_without_room_for_the_index_is_not_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    full = os.statvfs_result((1024, 1024, 1000, 0, 0, 0, 0, 0, 0, 255))
    with monkeypatch.context() as patch:
        patch.setattr("os.statvfs", lambda _: full)
        with pytest.raises(DiskFull, match="ledger.db"), Database(f"sqlite:///{tmp_path / 'ledger.db'}").write():
            pass
    first = Database(f"sqlite:///{tmp_path / 'ledger.db'}")
    with first.write():
        pass
    monkeypatch.setattr("os.statvfs", lambda _: full)
    Database(f"sqlite:///{tmp_path / 'ledger.db'}").close()  # the index is there
    first.close()


def test_a_ledger_whose_index_is_gone_is_a_full_disk_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = Database(f"sqlite:///{tmp_path / 'ledger.db'}")
    with ledger.write():
        pass
    ledger.close()
    full = os.statvfs_result((1024, 1024, 1000, 0, 0, 0, 0, 0, 0, 255))
    monkeypatch.setattr("os.statvfs", lambda _: full)
    with pytest.raises(DiskFull, match="ledger.db"):
        Database(f"sqlite:///{tmp_path / 'ledger.db'}")


def test_a_uri_of_sqlite_is_no_path(tmp_path: Path) -> None:
    database = Database(f"sqlite:///file:{tmp_path / 'ledger.db'}?uri=true")
    with database.write():
        pass
    database.close()
    assert (tmp_path / "ledger.db").exists()


def test_a_new_file_that_another_process_writes_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(sqlite3.connect(tmp_path / "ledger.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        monkeypatch.setattr(database_module, "sleep", lambda _: other.in_transaction and other.execute("COMMIT"))
        database = Database(f"sqlite:///{tmp_path / 'ledger.db'}")
        with database.write():
            pass
        assert other.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        database.close()


def test_a_new_file_that_another_process_does_not_let_go_is_one_sentence(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "ledger.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(LedgerUnreadable, match="database is locked"):
            Database(f"sqlite:///{tmp_path / 'ledger.db'}", busy_s=0.1)


def test_a_ledger_whose_file_is_moved_away_takes_no_row_until_it_is_back(tmp_path: Path) -> None:
    file, aside = tmp_path / "ledger.db", tmp_path / "aside.db"
    database = Database(f"sqlite:///{file}")
    with database.write() as connection:
        connection.execute(text("CREATE TABLE notes (words TEXT)"))
    file.rename(aside)
    for transaction in (database.read, database.write):
        with pytest.raises(LedgerMoved, match="Put it back"), transaction():
            pass
    file.touch()
    with pytest.raises(LedgerMoved), database.read():
        pass
    aside.rename(file)
    with database.write() as connection:
        connection.execute(text("INSERT INTO notes VALUES ('back')"))
    database.close()
