"""A temporary PostgreSQL server for the tests, if PostgreSQL is installed."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import quote

_NUMBERS = count()


@cache
def programs() -> Path | None:
    """The folder of `initdb` and `postgres`, which Debian does not add to PATH."""
    found = shutil.which("initdb")
    folders = [Path(found).resolve().parent] if found else sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    return next((folder for folder in reversed(folders) if (folder / "initdb").is_file()), None)


@contextmanager
def running_postgres() -> Iterator[Path]:
    """Run a server; yield the folder of its socket."""
    # Not in pytest's folder: the server refuses to run as root, and other users cannot read that folder.
    folder = Path(tempfile.mkdtemp(prefix="retune-postgres-"))
    owner: dict[str, Any] = {"user": "postgres", "group": "postgres"} if os.geteuid() == 0 else {}
    if owner:
        shutil.chown(folder, **owner)
    bin_folder, data = programs(), folder / "data"
    assert bin_folder is not None
    quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": folder, **owner}
    try:
        initdb: list[str | Path] = [
            bin_folder / "initdb",
            "-D",
            data,
            "-U",
            "retune",
            "--auth=trust",
            "--no-sync",
            "--encoding=UTF8",
        ]
        subprocess.run(initdb, check=True, **quiet)
        options: list[str | Path] = [
            "-k",
            folder,
            "-c",
            "listen_addresses=",
            "-c",
            "fsync=off",
            "-c",
            "max_connections=50",
        ]
        server = subprocess.Popen([bin_folder / "postgres", "-D", data, *options], **quiet)
        try:
            wait: list[str | Path] = [bin_folder / "pg_isready", "-h", folder, "-U", "retune", "-d", "postgres", "-q"]
            while subprocess.run(wait, check=False).returncode:
                assert server.poll() is None
            yield folder
        finally:
            server.send_signal(signal.SIGINT)  # fast shutdown, without waiting for clients
            server.wait(30)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def new_database(socket_folder: Path) -> str:
    """The URL of an empty database."""
    name = f"ledger_{next(_NUMBERS)}"
    createdb = [programs() / "createdb", "-h", socket_folder, "-U", "retune", name]  # type: ignore[operator]  # is there
    subprocess.run(createdb, check=True)
    return f"postgresql+psycopg://retune@/{name}?host={quote(str(socket_folder), safe='')}"
