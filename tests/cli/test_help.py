"""Help in sections, examples that work, and what shells complete."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import click
import pytest

from cli.context import Run
from cli.examples import EXAMPLES
from cli.main import retune as root
from cli.sections import walk
from tests.cli.conftest import Command

PATHS = [path for command in root.commands.values() for path, _ in walk(command)]
WORDS = [line for lines in EXAMPLES.values() for line in lines]


def test_the_help_lists_every_command_in_a_section(retune: Command) -> None:
    out = retune("--help")[1]
    headings = re.findall(r"^(\w+):$", out, re.M)
    assert headings == ["Options", "Data", "Train", "Serve", "Watch", "Operate"]
    listed = re.findall(r"^  ([a-z-]+)  ", out.split("Data:")[1], re.M)
    assert sorted(listed) == sorted(root.commands)
    assert "..." not in out.split("Data:")[1]


def test_every_command_has_examples_and_shows_them(retune: Command) -> None:
    assert sorted(EXAMPLES) == sorted(PATHS)
    out = retune("labels", "export", "--help")[1]
    assert out.splitlines()[-2:] == [f"    {line}" for line in EXAMPLES["labels export"]]


def test_wrong_usage_would_be_found() -> None:
    with pytest.raises(click.UsageError):
        parse(root, ["labels", "export", "--limit", "5"], click.Context(root, obj=Run(None, None)))


@pytest.mark.parametrize("line", WORDS)
def test_an_example_is_right_usage(line: str) -> None:
    words = shlex.split(line.removeprefix('eval "$(').removesuffix(')"'))
    assert words[0] == "retune"
    parse(root, words[1:], click.Context(root, obj=Run(None, None)))


def parse(command: click.Command, words: list[str], parent: click.Context) -> None:
    """Raises a `UsageError` for wrong usage of the command or of one in it."""
    context = command.make_context(command.name, words, parent=parent)
    left = [*context._protected_args, *context.args]
    if isinstance(command, click.Group) and left:
        _, inner, rest = command.resolve_command(context, left)
        assert inner is not None
        parse(inner, rest, context)


def complete(retune: Command, monkeypatch: pytest.MonkeyPatch, *words: str) -> list[str]:
    monkeypatch.setenv("_RETUNE_COMPLETE", "zsh_complete")
    monkeypatch.setenv("COMP_WORDS", shlex.join(["retune", *words]))
    monkeypatch.setenv("COMP_CWORD", str(len(words)))
    out = retune()[1]
    monkeypatch.delenv("_RETUNE_COMPLETE")
    return out.split("\n")[1::3] if out.strip() else []


def test_models_and_versions_are_completed(
    retune: Command, home: Path, tiny_package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for model in ("tickets", "tickets-old", "mail"):
        retune("register", tiny_package, "--model", model)
    monkeypatch.setenv("RETUNE_HOME", str(home))
    assert complete(retune, monkeypatch, "status", "ti") == ["tickets", "tickets-old"]
    assert complete(retune, monkeypatch, "predict", "--model", "m") == ["mail"]
    assert complete(retune, monkeypatch, "promote", "tickets") == ["tickets-old", "tickets@1"]
    assert complete(retune, monkeypatch, "diff", "mail@1", "mail@") == ["mail@1"]
    assert complete(retune, monkeypatch, "labels", "export", "x") == []
    monkeypatch.setenv("RETUNE_HOME", str(home / "absent"))
    assert complete(retune, monkeypatch, "status", "") == []
    monkeypatch.setenv("RETUNE_CONFIG", str(home / "absent.toml"))
    assert complete(retune, monkeypatch, "status", "") == []


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_printed_script_is_one_that_the_shell_takes(retune: Command, shell: str, tmp_path: Path) -> None:
    code, out, _ = retune("completion", shell)
    assert (code, "_RETUNE_COMPLETE" in out) == (0, True)
    if shutil.which(shell):
        (tmp_path / "script").write_text(out)
        subprocess.run([shell, "-n", str(tmp_path / "script")], check=True)


def test_a_misspelt_command_names_the_one_that_was_meant(retune: Command) -> None:
    code, _, err = retune("statsu")
    assert (code, "Did you mean 'status'?" in err) == (2, True)
