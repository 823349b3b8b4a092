"""Shared by all commands: the run with its config and home, common options, and output."""

from __future__ import annotations

import functools
import json
import shlex
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar, cast

import click
from rich.console import Console
from rich.markup import escape

from cli.who import this_user
from core.audit.entries import NO_FACTS, Action, Actor, record
from core.checkpoint import TRAINING
from core.config import Config, load_config, overridden
from core.config_sources import OPTION, Sources, sources_of
from core.datasets import Columns
from core.errors import FileMissing, InputDoesNotFit, InvalidInput, NotAPackage, OneLabelOnly
from core.home import Home
from core.labels import Kind
from core.package import MANIFEST, verify_files
from core.progress import Progress
from core.registry import parse_version
from core.share import percent

Command = TypeVar("Command", bound=Callable[..., Any])

REFUSED = 3
"""Exit code of a command that succeeded, with a negative result."""


@dataclass
class Run:
    """One call of `retune`: its config, its home, and its output format.

    `owns_process`: the process is this call and nothing else, as it is not where Python calls the commands.
    """

    config_path: Path | None
    home_folder: str | None
    owns_process: bool = False
    as_json: bool = False

    @cached_property
    def config(self) -> Config:
        return overridden(load_config(self.config_path), {"home": self.home_folder}, source="the options")

    def sources(self, **options: object) -> Sources:
        """Where the config's values come from; `options`: of the command, by the keys of `service` that they set."""
        given = {f"service.{key}": OPTION for key, value in options.items() if value is not None}
        home = {"home": "the option --home"} if self.home_folder is not None else {}
        return {**sources_of(self.config_path), **home, **given}

    @cached_property
    def home(self) -> Home:
        return Home(self.config)

    def hint(self, *words: object) -> str:
        """A command that can be pasted into a shell, for the same config and home."""
        options = {"--config": self.config_path, "--home": self.home_folder}
        given = [str(word) for option, value in options.items() if value is not None for word in (option, value)]
        return shlex.join(["retune", *given, *map(str, words)])

    def record(
        self,
        action: Action,
        model: str | None = None,
        facts: Mapping[str, Any] = NO_FACTS,
        *,
        home: Home | None = None,
        is_away: bool = False,
    ) -> None:
        """Add an entry to the audit; say on stderr if the ledger does not take it."""
        problem = record(home or self.home, operator(), action, model, facts, is_away=is_away)
        if problem:
            info(f"Not in the audit: {problem}")

    def emit(self, result: dict[str, Any], *lines: str) -> None:
        """Print the result: one JSON object with `--json`, else the lines."""
        print(json.dumps(result, ensure_ascii=False, default=str) if self.as_json else "\n".join(lines), flush=True)


def pass_run(command: Command) -> Command:
    """Pass the run to the command as its first argument, and add the option `--json`."""
    words = "Print one JSON object on stdout, nothing else."
    option = click.option("--json", is_flag=True, expose_value=False, callback=_set_json, help=words)
    return cast(Command, option(click.make_pass_decorator(Run)(command)))


def _set_json(context: click.Context, _parameter: click.Parameter, value: bool) -> None:
    context.obj.as_json = value


def column_options(command: Command) -> Command:
    """Add the options about the columns of a data file; the command gets them as `columns: Columns`."""

    @functools.wraps(command)
    def with_columns(*given: Any, **options: Any) -> Any:
        names = tuple(name.strip() for name in options.pop("label_columns").split(",") if name.strip())
        columns = Columns(
            text=options.pop("text_column"),
            label=options.pop("label_column"),
            pair=options.pop("pair_column"),
            multi_label=options.pop("multi_label") or bool(names),
            separator=options.pop("label_separator"),
            labels=names,
        )
        return command(*given, columns=columns, **options)

    for option in reversed(_COLUMN_OPTIONS):
        option(with_columns)
    return cast(Command, with_columns)


def columns_for(columns: Columns, *, kind: Kind, is_paired: bool) -> Columns:
    """The user's columns, adapted to the task of an existing model.

    The default of `--pair-column` is `pair` if the model takes pairs.
    """
    if columns.pair and not is_paired:
        raise InputDoesNotFit(wants_pairs=False)
    if columns.multi_label and kind == "single-label":
        raise OneLabelOnly
    pair = (columns.pair or "pair") if is_paired else None
    return replace(columns, pair=pair, multi_label=kind == "multi-label")


_COLUMN_OPTIONS = (
    click.option("--text-column", default="text", show_default=True, help="Column of the text."),
    click.option("--label-column", default="label", show_default=True, help="Column of the label."),
    click.option("--pair-column", help="Column of the second text of pairs."),
    click.option("--multi-label", is_flag=True, help="A cell may have several labels, or none."),
    click.option("--label-separator", default="|", show_default=True, help="Separates the labels of a cell."),
    click.option("--label-columns", default="", help="One column per label, with 0 or 1: a,b,c."),
)


def package_folder(run: Run, target: str) -> Path:
    """The verified folder of a package, or of MODEL[@VERSION] in the registry; the default version is the champion."""
    folder = Path(target)
    if folder.is_dir():
        require_package(run, folder)
        verify_files(folder)
        return folder
    if folder.exists():
        raise InvalidInput(f"{target} is not a package. Name a folder written by export, or a model.")
    if "/" in target:
        raise FileMissing(folder, what="package")
    model, version = parse_version(target)
    registry = run.home.registry
    return registry.verified_folder(model, version or registry.champion(model).version)


def require_package(run: Run, folder: Path) -> None:
    """Raises `NotAPackage` for a checkpoint."""
    if (folder / TRAINING).is_file() and not (folder / MANIFEST).is_file():
        raise NotAPackage(folder, run.hint("export", folder, "--out", "PACKAGE"))


@contextmanager
def progress_shown() -> Iterator[Progress]:
    """Show progress on stderr: on a terminal a spinner with the stage, else one line for each new stage."""
    console = Console(stderr=True)
    if not console.is_terminal:
        print_once = functools.cache(info)
        yield lambda stage, _share: print_once(stage)
        return
    with console.status("starting") as status:
        yield lambda stage, share: status.update(escape(f"{stage} {percent(share, 0)}" if share else stage))


def operator() -> Actor:
    """The user of the operating system who runs the command."""
    return Actor(f"user {this_user()}", "cli")


def info(sentence: str) -> None:
    """Print a line on stderr."""
    print(sentence, file=sys.stderr, flush=True)


def stopped_by_signal() -> threading.Event:
    """An event that is set by SIGTERM, so that the command can end after the current round."""
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda _number, _frame: stop.set())
    return stop
