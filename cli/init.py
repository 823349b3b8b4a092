"""`retune init`."""

from __future__ import annotations

import json
from pathlib import Path
from shlex import quote

import click
from pydantic import BaseModel

from cli.context import Run, pass_run
from core.config import FILE_NAME, Config
from core.durable import write_bytes
from core.errors import TargetExists


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path), default=".")
@pass_run
def init(run: Run, folder: Path) -> None:
    """Write a retune.toml with every key, its meaning and its default."""
    path = folder / FILE_NAME
    if path.exists():
        raise TargetExists(path)
    write_bytes(path, default_toml().encode())
    there = "" if folder == Path() else f"cd {quote(str(folder))} && "
    run.emit(
        {"config": str(path)},
        f"{path} is written, with all keys and their defaults, commented out.",
        f"Next: {there}retune deploy FILE --model NAME --up",
    )


def default_toml() -> str:
    """The defaults as TOML; all keys are commented out and described."""
    lines = [
        "# Retune's configuration. RETUNE_SECTION__KEY in the environment beats this file.",
        "# A key without a value is unset.",
        '# home = ".retune"',
    ]
    for name, field in Config.model_fields.items():
        if isinstance(field.default, BaseModel):
            lines += ["", f"[{name}]", *_section_lines(field.default)]
    return "\n".join(lines) + "\n"


def _section_lines(section: BaseModel) -> list[str]:
    lines = []
    for key, field in type(section).model_fields.items():
        meaning = f"  # {field.description}" if field.description else ""
        default = "" if field.default is None else json.dumps(field.default)
        lines.append(f"# {key} = {default}{meaning}")
    return lines
