"""The real server conforms to its OpenAPI document: allowed requests are answered, others refused."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

STREAMS = 2
"""Routes whose answers have no end, which it does not call."""
SETTINGS = Path(__file__).with_name("schemathesis.toml")


@pytest.mark.slow
def test_every_route_conforms_to_the_document(server: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(SETTINGS), "run"]
    options = ["--checks", "all", "--max-examples", "30", "--seed", "1", "--no-color"]
    done = subprocess.run(
        [*command, f"{server}/openapi.json", *options], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    httpx.post(f"{server}/admin/models/tickets/unfreeze")
    assert done.returncode == 0, "\n".join(line[:300] for line in done.stdout.splitlines())
    selected = re.search(r"Selected: (\d+)/(\d+)$", done.stdout, re.M)
    assert selected is not None
    assert int(selected[2]) - int(selected[1]) == STREAMS
