"""`retune monitor --ui`: Evidently's own program, with the workspace of the home and without its telemetry."""

from __future__ import annotations

import os
import socket
import sys
from importlib.util import find_spec
from typing import NoReturn

from cli.context import Run, info
from core.errors import MissingExtra, NoSnapshots, PortInUse

HOST = "127.0.0.1"


def serve_dashboards(run: Run, *, port: int) -> NoReturn:
    """Become `evidently ui`; raises `MissingExtra`, `NoSnapshots` or `PortInUse`."""
    workspace = run.home.folder / "evidently"
    if find_spec("evidently") is None:
        raise MissingExtra("monitor --ui", "evidently", "monitor")
    if not any(workspace.glob("*/snapshots/*.json")):
        raise NoSnapshots(workspace)
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise PortInUse(HOST, port) from error
    info(f"Dashboards: http://{HOST}:{port}")
    words = ["ui", "--workspace", str(workspace), "--host", HOST, "--port", str(port)]
    environment = {**os.environ, "DO_NOT_TRACK": "1"}
    os.execve(sys.executable, [sys.executable, "-m", "evidently.cli", *words], environment)
