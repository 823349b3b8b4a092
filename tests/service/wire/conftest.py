from __future__ import annotations

from pathlib import Path

import pytest

from tests.service.wire.echo_server import Run, run_in


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return run_in(tmp_path)
