"""A run decides alike the next time."""

from __future__ import annotations

from pathlib import Path

import pytest

from finetune.run_state.plans import Plans


def test_a_decision_is_made_once_and_kept(tmp_path: Path) -> None:
    answers = iter([3, 7])
    first = Plans(tmp_path, {"rows": "a"}).get_or_compute("epochs", lambda: next(answers))
    again = Plans(tmp_path, {"rows": "a"}).get_or_compute("epochs", lambda: next(answers))
    other = Plans(tmp_path, {"rows": "b"}).get_or_compute("epochs", lambda: next(answers))
    assert (first, again, other) == (3, 3, 7)


def test_a_damaged_plan_is_made_anew(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    Plans(tmp_path, {}).get_or_compute("epochs", lambda: 3)
    (path,) = tmp_path.iterdir()
    path.write_text("{")
    assert Plans(tmp_path, {}).get_or_compute("epochs", lambda: 4) == 4
    assert "made anew" in caplog.text
