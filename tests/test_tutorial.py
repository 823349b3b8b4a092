"""Every command of `docs/tutorial.md` is run, in its order, and prints what the page shows."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tests.service.conftest import free_port

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "tutorial.md"
BLOCK = re.compile(r"^```(sh|text)([a-z ]*)\n(.*?)^```$", re.M | re.S)
STAYS = "second terminal"
"""Information of a block whose command runs until the reader ends it."""
LOOKS = re.compile(r"retune (status|decisions|incidents|audit) tickets\b|curl -s '?localhost:\d+/admin/")
CHANGING = {r"\b[0-9a-f]{32}\b": "ID", r"\d+ (s|min|h) ago": "AGO", r"\d+(?:[.,:T-]+\d+)*": "N"}
LIMIT_S = 600.0
"""Only a fault takes so long."""


@dataclass(frozen=True)
class Step:
    """Commands of a block, and what the page says that they print."""

    commands: str
    shown: str | None = None
    stays: bool = False

    @property
    def only_looks(self) -> bool:
        return all(LOOKS.match(line) for line in self.commands.splitlines())


def steps(page: str) -> list[Step]:
    """A block of text belongs to the commands before it."""
    found: list[Step] = []
    for kind, info, content in BLOCK.findall(page):
        if kind == "sh":
            found.append(Step(content, stays=info.strip() == STAYS))
        else:
            found[-1] = replace(found[-1], shown=content)
    return found


def comparable(text: str) -> str:
    """Without what differs from run to run: ids, numbers, how long ago."""
    for changing, name in CHANGING.items():
        text = re.sub(changing, name, text)
    return text


def is_shown(printed: str, shown: str) -> bool:
    """`…` on the page stands for anything on a line, a line of it for any lines.

    >>> is_shown("2 s  billing: 71 %\\nend\\n", "3 s  billing: …\\nend\\n")
    True
    """
    parts = [re.escape(part) for part in comparable(shown).splitlines()]
    lines = ["(?:.*\n)*" if part == "…" else part.replace("…", ".*") + "\n" for part in parts]
    return re.fullmatch("".join(lines), comparable(printed.rstrip("\n") + "\n")) is not None


class Shell:
    """Runs blocks one after the other, each where the one before it ended."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self._place, self._folder = folder / "place", folder
        programs = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        self._environment = {**os.environ, "PATH": programs, "PYTHONPATH": str(ROOT)}
        self._environment |= {"RETUNE_SERVICE__PORT": str(self.port), "RETUNE_SERVICE__WORKERS": "1"}

    def run(self, commands: str) -> str:
        ended = subprocess.run(
            ["bash", "-ec", f"{self._here(commands)}\npwd > {self._place}"],
            cwd=self._folder,
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=LIMIT_S,
            check=False,
        )
        assert ended.returncode == 0, f"{commands}{ended.stdout}"
        self._folder = Path(self._place.read_text().strip())
        return ended.stdout

    @contextmanager
    def running(self, commands: str) -> Iterator[None]:
        with (self._folder / "up.txt").open("w") as log:
            process = subprocess.Popen(
                ["bash", "-c", f"exec {self._here(commands)}"],
                cwd=self._folder,
                env=self._environment,
                stdout=log,
                stderr=log,
            )
            try:
                yield
            finally:
                process.send_signal(signal.SIGINT)
                process.wait(LIMIT_S)

    def _here(self, commands: str) -> str:
        return commands.replace("localhost:3000", f"localhost:{self.port}")


def follow(shell: Shell, left: list[Step]) -> None:
    """A command that only looks is repeated until it prints what the page shows."""
    for place, step in enumerate(left):
        if step.stays:
            with shell.running(step.commands):
                follow(shell, left[place + 1 :])
            return
        deadline = time.monotonic() + (LIMIT_S if step.only_looks else 0.0)
        printed = shell.run(step.commands)
        while step.shown is not None and not is_shown(printed, step.shown):
            assert time.monotonic() < deadline, f"{step.commands}prints\n{printed}instead of\n{step.shown}"
            time.sleep(0.5)
            printed = shell.run(step.commands)


@pytest.mark.slow
def test_the_commands_of_the_tutorial_print_what_it_shows(tmp_path: Path) -> None:
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    page = steps(PAGE.read_text(encoding="utf-8"))
    assert sum(step.shown is not None for step in page) > 8
    follow(Shell(tmp_path), page)
