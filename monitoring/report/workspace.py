"""The Evidently workspace of a home, for `evidently ui`: a project for each model, and one for the checks of its files.

Evidently's `Workspace` reads all snapshots when it is opened: 29 s and 1.5 GB for a thousand of them. Its `LocalState`,
which knows the names and formats of the files, reads none.
"""

from __future__ import annotations

import os
import tempfile
import warnings
from contextlib import suppress
from pathlib import Path
from uuid import UUID

from core.durable import detect_disk_full, file_lock, write_bytes
from monitoring.report.dashboard import dashboard
from monitoring.report.pruning import make_room

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # Evidently uses old names of litestar
    from evidently.core.report import Snapshot
    from evidently.sdk.models import ProjectModel
    from evidently.ui.storage.local.base import SNAPSHOTS_DIR_NAME, LocalState

KEPT_SNAPSHOTS = 100
"""Snapshots stored per project, as reports per model."""


def add_snapshot(snapshot: Snapshot, *, project: str, run: UUID, workspace: Path, kept: int = KEPT_SNAPSHOTS) -> Path:
    """Write the snapshot as a run of the project, or replace the run of this id; return its file, complete or absent.

    Keeps the last `kept` runs in the order of their ids, as `make_room` does. Raises `DiskFull`.
    """
    with (
        detect_disk_full(workspace),
        file_lock(workspace / ".lock"),
        tempfile.TemporaryDirectory(prefix=".evidently.", dir=_beside(workspace)) as temporary,
    ):
        folder = _project(project, workspace, Path(temporary)) / SNAPSHOTS_DIR_NAME
        folder.mkdir(exist_ok=True)
        path: Path = folder / f"{run}.json"
        make_room(path, kept=kept)
        write_bytes(Path(temporary, path.name), snapshot.dumps().encode())
        os.replace(Path(temporary, path.name), path)
    return path


def _beside(workspace: Path) -> Path:
    """A folder in the same file system. A running `evidently ui` loads what is moved in from outside."""
    parent = workspace.absolute().parent
    return parent if parent.stat().st_dev == workspace.stat().st_dev else workspace


def _project(name: str, workspace: Path, temporary: Path) -> Path:
    """The folder of the project; a new one if there is none."""
    state = LocalState(str(workspace))
    for project_id in state.list_projects():
        with suppress(OSError, ValueError):  # a damaged project is not this one
            if state.read_project(project_id).name == name:
                return workspace / str(project_id)
    project = ProjectModel(name=name, description=f"Drift checks of {name}")
    new = LocalState(str(temporary))
    new.write_project(project)
    new.write_dashboard(project.id, dashboard())
    (temporary / str(project.id) / SNAPSHOTS_DIR_NAME).mkdir(exist_ok=True)  # made later, it may be watched twice
    folder = workspace / str(project.id)
    os.replace(temporary / str(project.id), folder)
    return folder
