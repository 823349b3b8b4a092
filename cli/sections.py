"""The group of all commands: its help lists them in sections, and each command ends its help with examples."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import click

from cli.examples import EXAMPLES
from cli.names import typed

WHOLE = 200
"""Characters of a command's first sentence in the list; it is wrapped, not cut."""


class Sections(click.Group):
    """Commands by the heading of their section, in the order in which they are added."""

    def __init__(self, *given: Any, **options: Any) -> None:
        super().__init__(*given, **options)
        self.sections: dict[str, list[click.Command]] = {}

    def add_sections(self, sections: Mapping[str, Sequence[click.Command]]) -> None:
        for heading, commands in sections.items():
            self.sections[heading] = list(commands)
            for command in commands:
                self.add_command(command)
                for path, each in walk(command):
                    _finish(path, each)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for heading, commands in self.sections.items():
            with formatter.section(heading):
                formatter.write_dl([(str(command.name), command.get_short_help_str(WHOLE)) for command in commands])

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [str(command.name) for commands in self.sections.values() for command in commands]


def walk(command: click.Command, path: str = "") -> Iterator[tuple[str, click.Command]]:
    """The command and those in it, each with its words."""
    name = f"{path} {command.name}".strip()
    yield name, command
    for inner in command.commands.values() if isinstance(command, click.Group) else ():
        yield from walk(inner, name)


def _finish(path: str, command: click.Command) -> None:
    command.params = [typed(parameter) for parameter in command.params]
    if examples := EXAMPLES.get(path):
        command.epilog = "\b\nExamples:\n" + "\n".join(f"  {line}" for line in examples)
