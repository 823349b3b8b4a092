"""torch's threads sleep after a short wait, unless the user wants it otherwise."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from core.processes.openmp import COUNT, SPINS

SHOW = f"import core, os; print(os.environ[{SPINS!r}])"


@pytest.mark.parametrize(("given", "found"), [({}, COUNT), ({SPINS: "7"}, "7")])
def test_every_process_sets_it_before_libraries_are_loaded(given: dict[str, str], found: str) -> None:
    others = {name: value for name, value in os.environ.items() if name != SPINS}
    done = subprocess.run([sys.executable, "-c", SHOW], env=others | given, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == found
