"""The docs contain every command and config key."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest
from pydantic import BaseModel

from cli.main import retune
from core.config import Config
from tests.import_graph import ROOMS

ROOT = Path(__file__).parents[1]


def text_of(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def commands() -> list[str]:
    found = []
    for name, command in retune.commands.items():
        inner = command.commands if isinstance(command, click.Group) else {}
        found += [f"{name} {part}" for part in inner] or [name]
    return found


def config_keys() -> list[str]:
    sections = {name: field.default for name, field in Config.model_fields.items()}
    return ["home"] + [
        f"{name}.{key}"
        for name, section in sections.items()
        if isinstance(section, BaseModel)
        for key in type(section).model_fields
    ]


@pytest.mark.parametrize("command", commands())
def test_command_is_documented(command: str) -> None:
    assert f"`retune {command}" in text_of("docs/cli.md")


@pytest.mark.parametrize("key", config_keys())
def test_config_key_is_documented(key: str) -> None:
    line = next((line for line in text_of("docs/config.md").splitlines() if line.startswith(f"| `{key}` |")), "")
    assert line.split("|")[3].strip()


def test_every_command_takes_json() -> None:
    all_commands = [
        command for group in retune.commands.values() for command in getattr(group, "commands", {"": group}).values()
    ]
    without = [item.name for item in all_commands if not any("--json" in parameter.opts for parameter in item.params)]
    assert without == []


def test_links_in_the_readme_exist() -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)", text_of("README.md"))
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


@pytest.mark.parametrize("page", ["docs/architecture.md", "docs/contributing.md"])
def test_files_that_a_page_names_are_there(page: str) -> None:
    names = [name for name in re.findall(r"`([a-z_]+/[a-z_/.]+)`", text_of(page)) if name.rstrip("/").count("/")]
    assert len(names) > 10
    assert [name for name in names if not (ROOT / name).exists()] == []


def test_ways_through_the_rooms_are_short() -> None:
    tables = text_of("docs/architecture.md").split("\n## ")[1:4]
    steps = [len(re.findall(r"^\| `[a-z_/]+\.py` \|", table, re.M)) for table in tables]
    assert all(1 < count < 10 for count in steps), steps


def test_the_tree_of_the_readme_is_that_of_the_repository() -> None:
    tree = re.search(r"## What is where\n\n```\n(.*?)```", text_of("README.md"), re.S)
    assert tree is not None
    named = {line.split()[0].rstrip("/") for line in tree.group(1).splitlines()}
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert packages == set(ROOMS)
    assert named >= packages
    assert [name for name in named if not (ROOT / name).exists()] == []
