"""`retune monitor --ui`: Evidently's own program, with the workspace of the home; `core` switched off its telemetry."""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec
from typing import NoReturn

from cli.context import Run, info
from core.errors import MissingExtra, NoSnapshots
from core.processes.free_address import free_address

HOST = "127.0.0.1"


def serve_dashboards(run: Run, *, port: int) -> NoReturn:
    """Become `evidently ui`; raises `MissingExtra`, `NoSnapshots`, `PortInUse` or `CannotListen`."""
    workspace = run.home.folder / "evidently"
    if find_spec("evidently") is None:
        raise MissingExtra("monitor --ui", "evidently", "monitor")
    if not any(workspace.glob("*/snapshots/*.json")):
        raise NoSnapshots(workspace)
    free_address(HOST, port)
    info(f"Dashboards: http://{HOST}:{port}")
    words = ["ui", "--workspace", str(workspace), "--host", HOST, "--port", str(port)]
    os.execv(sys.executable, [sys.executable, "-m", "evidently.cli", *words])
