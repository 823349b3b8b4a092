from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from monitoring.signals.catalogue import SIGNALS
from tests.monitoring.snapshots import add, run_of, snapshot_of


@pytest.fixture(scope="module")
def snapshot() -> Any:
    return snapshot_of(1)


def test_evidently_reads_the_runs_of_each_project_and_its_panels(snapshot: Any, tmp_path: Path) -> None:
    from evidently.ui.workspace import Workspace

    for number, project in enumerate(["tickets", "tickets", "mails", "tickets"]):
        add(snapshot, tmp_path / "evidently", number % 3, project=project)
    workspace = Workspace(str(tmp_path / "evidently"))
    projects = {project.name: project for project in workspace.list_projects()}
    runs = {name: len(workspace.list_runs(project.id)) for name, project in projects.items()}
    assert runs == {"tickets": 2, "mails": 1}
    titles = [panel.title for panel in projects["tickets"].dashboard.model().panels]
    assert titles[:2] == [
        "Accuracy, estimated without labels, with its interval",
        "Traffic: rows and different texts of each check",
    ]
    assert len(titles) == 4 + len(SIGNALS)
    run = workspace.get_run(projects["tickets"].id, workspace.list_runs(projects["tickets"].id)[0])
    assert run is not None
    assert {str(value.display_name) for value in run.metric_results.values()} >= {
        "estimated accuracy",
        "rows of the window",
    }


def test_a_project_that_evidently_made_is_used(snapshot: Any, tmp_path: Path) -> None:
    from evidently.ui.workspace import Workspace

    project = Workspace.create(str(tmp_path)).create_project("tickets")
    assert add(snapshot, tmp_path, 1).parent == tmp_path / str(project.id) / "snapshots"


def test_no_snapshot_is_read_and_only_the_last_are_kept(snapshot: Any, tmp_path: Path) -> None:
    folder = add(snapshot, tmp_path, 1).parent
    for number in range(2, 12):
        (folder / f"{run_of(number)}.json").write_text("{")
    last = add(snapshot, tmp_path, 12, kept=3)
    assert sorted(path.stem for path in folder.iterdir()) == [str(run_of(number)) for number in (10, 11, 12)]
    assert last.is_file()


def test_a_long_backlog_is_deleted_in_parts(snapshot: Any, tmp_path: Path) -> None:
    folder = add(snapshot, tmp_path, 1).parent
    for number in range(2, 60):
        (folder / f"{run_of(number)}.json").touch()
    for number, left in ((60, 40), (61, 21), (62, 3), (63, 3)):
        add(snapshot, tmp_path, number, kept=3)
        assert len(list(folder.iterdir())) == left


def test_an_older_run_that_is_made_again_is_kept(snapshot: Any, tmp_path: Path) -> None:
    for number in (1, 2, 3):
        add(snapshot, tmp_path, number, kept=2)
    assert add(snapshot, tmp_path, 1, kept=2).is_file()


def test_a_damaged_project_does_not_stop_the_others(snapshot: Any, tmp_path: Path) -> None:
    folder = add(snapshot, tmp_path, 1, project="mails").parent.parent
    (folder / "metadata.json").write_text("{")
    assert add(snapshot, tmp_path, 2).is_file()


def test_writers_at_once_make_one_project(snapshot: Any, tmp_path: Path) -> None:
    writers = [threading.Thread(target=add, args=(snapshot, tmp_path, number)) for number in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert len(list(tmp_path.glob("*/metadata.json"))) == 1
    assert len(list(tmp_path.glob("*/snapshots/*.json"))) == 4
    assert not list(tmp_path.parent.glob(".evidently.*"))


def test_a_project_is_moved_in_whole(snapshot: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that is made in one that is watched may be watched twice, at its event and in the walk of its parent."""
    moved = []

    def replace(source: Path, target: Path) -> None:
        if source.is_dir():
            moved.append(sorted(path.name for path in source.iterdir()))
        source.rename(target)

    monkeypatch.setattr("monitoring.report.workspace.os.replace", replace)
    add(snapshot, tmp_path / "evidently", 1)
    assert len(moved) == 1
    assert {"metadata.json", "snapshots"} <= set(moved[0])


def test_a_running_evidently_shows_what_is_added(snapshot: Any, tmp_path: Path) -> None:
    from evidently.ui.service.storage.local import create_local_project_manager

    workspace = tmp_path / "evidently"
    workspace.mkdir()
    manager = create_local_project_manager(str(workspace), autorefresh=True)
    state = manager.project_metadata.state
    for number in (1, 2):
        add(snapshot, workspace, number)
    deadline = threading.Event()
    for _ in range(50):
        if [len(runs) for runs in state.snapshots.values()] == [2]:
            break
        deadline.wait(0.1)
    assert [len(runs) for runs in state.snapshots.values()] == [2]
