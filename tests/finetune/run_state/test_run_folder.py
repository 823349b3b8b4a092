"""An interrupted run is resumed from its newest complete state and never deleted without consent."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from core.errors import OtherRunInterrupted, RunInterrupted
from finetune.run_state.run_folder import COMPLETION_FILE, RunFolder


def saved_run(folder: Path) -> RunFolder:
    run_folder = RunFolder(folder / "out", "rows and settings", begun_at=time.monotonic(), is_resumed=False)
    for step, is_complete in ((5, True), (10, True), (15, False)):
        state = run_folder.states_folder("full-0") / f"checkpoint-{step}"
        state.mkdir(parents=True)
        if is_complete:
            (state / COMPLETION_FILE).touch()
    run_folder.save_time_spent()
    return run_folder


def test_a_run_is_resumed_from_the_newest_complete_state(tmp_path: Path) -> None:
    saved_run(tmp_path)
    assert_is_resumed_from_step_10(tmp_path)


def assert_is_resumed_from_step_10(tmp_path: Path) -> None:
    run_folder = RunFolder(tmp_path / "out", "rows and settings", begun_at=time.monotonic(), is_resumed=True)
    state = run_folder.last_state("full-0")
    assert state is not None
    assert state.name == "checkpoint-10"


@pytest.mark.parametrize(
    ("identity", "is_resumed", "error"),
    [
        ("rows and settings", False, RunInterrupted),
        ("other rows", False, OtherRunInterrupted),
        ("other rows", True, OtherRunInterrupted),
    ],
)
def test_an_interrupted_run_is_not_deleted_by_another_run(
    identity: str, is_resumed: bool, error: type[Exception], tmp_path: Path
) -> None:
    saved_run(tmp_path)
    with pytest.raises(error, match=r"\.out\.run holds .* --resume"):
        RunFolder(tmp_path / "out", identity, begun_at=time.monotonic(), is_resumed=is_resumed)
    assert_is_resumed_from_step_10(tmp_path)


def test_states_without_a_readable_record_are_deleted(tmp_path: Path) -> None:
    run_folder = saved_run(tmp_path)
    (run_folder.path / "run.json").write_text("{")
    again = RunFolder(tmp_path / "out", "rows and settings", begun_at=time.monotonic(), is_resumed=True)
    assert again.last_state("full-0") is None
