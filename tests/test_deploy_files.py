"""The examples for systemd and cron run commands that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cli.main import retune

DEPLOY = Path(__file__).parents[1] / "deploy"


@pytest.mark.parametrize(("name", "least"), [("systemd/retune.service", 1), ("cron/retune", 2)])
def test_its_commands_and_options_exist(name: str, least: int) -> None:
    lines = [line for line in (DEPLOY / name).read_text().splitlines() if not line.startswith("#")]
    used = [
        found
        for line in lines
        if (found := re.search(r"(?:bin/| )retune ([a-z]+)((?: --[a-z-]+)*)(?= >>|$)", line)) is not None
    ]
    assert len(used) >= least
    for found in used:
        options = [option for parameter in retune.commands[found.group(1)].params for option in parameter.opts]
        assert set(found.group(2).split()) <= set(options)


def test_cron_names_the_home() -> None:
    assert re.search(r"^RETUNE_HOME=/", (DEPLOY / "cron" / "retune").read_text(), re.M)
