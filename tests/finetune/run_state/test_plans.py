"""A repeated run uses the stored values."""

from __future__ import annotations

from pathlib import Path

import pytest

from finetune.run_state.plans import Plans


def test_a_value_is_computed_once_per_run(tmp_path: Path) -> None:
    values = iter([3, 7])
    first = Plans(tmp_path, {"rows": "a"}).get_or_compute("epochs", lambda: next(values))
    again = Plans(tmp_path, {"rows": "a"}).get_or_compute("epochs", lambda: next(values))
    other = Plans(tmp_path, {"rows": "b"}).get_or_compute("epochs", lambda: next(values))
    assert (first, again, other) == (3, 3, 7)


def test_a_damaged_plan_is_replaced(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    Plans(tmp_path, {}).get_or_compute("epochs", lambda: 3)
    (path,) = tmp_path.iterdir()
    path.write_text("{")
    assert Plans(tmp_path, {}).get_or_compute("epochs", lambda: 4) == 4
    assert "is replaced" in caplog.text
