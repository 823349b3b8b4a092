"""Entries of the audit that wait in a file of the home until the ledger takes them."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from core.durable import file_lock
from core.errors import Unavailable

FILE = "audit-waiting.jsonl"
Row = Mapping[str, Any]


def put_aside(folder: Path, row: Row, problem: str) -> str:
    """Append an entry to the file; return where it is and why."""
    path = folder / FILE
    try:
        with _locked(folder), open(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), "ab") as file:
            file.write(json.dumps(row).encode() + b"\n")
    except OSError as error:
        return f"{problem} It is lost: {path} cannot be written ({error.strerror or error})."
    return f"{problem} It waits in {path} and follows with the next entry."


def waiting(folder: Path) -> list[Row]:
    """The entries that wait, oldest first; a line that was cut is left out."""
    try:
        lines = (folder / FILE).read_bytes().splitlines()
    except OSError:
        return []
    return [row for line in lines if (row := _row(line)) is not None]


def bring_in(folder: Path, add: Callable[[Sequence[Row]], None]) -> None:
    """Pass the waiting entries to `add`; what it does not take goes on waiting."""
    path = folder / FILE
    if not path.exists():
        return
    try:
        with _locked(folder):
            if rows := waiting(folder):
                add(rows)
            path.unlink(missing_ok=True)
    except (OSError, Unavailable):
        return


def _row(line: bytes) -> Row | None:
    try:
        row = json.loads(line)
    except ValueError:
        return None
    return row if isinstance(row, dict) else None


def _locked(folder: Path) -> AbstractContextManager[None]:
    return file_lock(folder / f".{FILE}.lock", mode=0o600)
