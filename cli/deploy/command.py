"""The command."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

import click

from cli.context import REFUSED, Run, column_options, info, pass_run
from cli.deploy.making import check, version_of
from cli.deploy.told import Told
from cli.promote import put_in_service
from cli.up import ROOT
from core.config import FinetuneConfig, MethodName, overridden
from core.datasets import Columns, Example, examples_in, read_examples
from core.duration import seconds_of
from core.errors import UnknownRung
from core.home_processes.child_environment import child_environment
from core.home_processes.server_workers import living_server_workers
from core.home_processes.supervision import supervision_of
from core.labels import Kind
from core.package import task_in_words
from core.tables.reader import read_table


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--model", required=True, help="Name of the model, e.g. tickets.")
@click.option(
    "--reference",
    type=click.Path(path_type=Path),
    help="Rows similar to future traffic: the drift reference [default: a share of FILE that is not trained on].",
)
@click.option("--method", type=click.Choice(get_args(MethodName)), help="How to train [default: auto].")
@click.option("--budget", help="Upper limit of the time of the training, e.g. 90s, 10m [default: none].")
@click.option("--seed", type=click.IntRange(0), help="Seed of all random numbers [default: 0].")
@click.option("--base-model", help="'default', a folder, or a hub id with @revision [default: default].")
@click.option(
    "--rung", help="Package this rung and build no other, as of 'retune export' [default: the fastest eligible]."
)
@click.option("--replace", is_flag=True, help="Put the version in service even if another one is.")
@click.option("--up", "is_up", is_flag=True, help="Then run 'retune up'.")
@click.option("--port", type=click.IntRange(1, 65535), help="With --up: port of the server [default: 3000].")
@column_options
@pass_run
def deploy(
    run: Run,
    /,
    file: Path,
    model: str,
    reference: Path | None,
    columns: Columns,
    rung: str | None,
    replace: bool,
    is_up: bool,
    port: int | None,
    **given: Any,
) -> None:
    """From a file of labelled rows to a served model: check, fine-tune, export, register, promote.

    Killed or failed, the same command goes on. A model in service goes on answering with its champion: the new
    version is promoted only with --replace.
    """
    _require_fitting(run, is_up=is_up, port=port, budget=given["budget"])
    settings = overridden(
        run.config.finetune, {**given, "multi_label": columns.multi_label or None}, source="the options"
    )
    rows = examples_in(read_table(file), file, columns, keep_blanks=True)
    others = read_examples(reference, columns, labelled=False) if reference else None
    champion = _champion(run, model, rows, settings, is_replaced=replace)
    told = Told()
    check(run, file, rows, told, is_multi_label=columns.multi_label)
    _require_base_model(settings)
    _require_rung(rung)
    version = version_of(run, model, rows, others, settings, told, rung=rung)
    if champion not in (None, version) and not replace:
        _leave_champion(run, model, version, str(champion), told)
    with told.step("promote") as sentences:
        changes, lines = put_in_service(run, model, version, reason="Promoted by 'retune deploy'.")
        sentences += lines
    port = port or run.config.service.port
    run.emit(
        {"model": model, "version": version, "champion": version, **told.facts, **changes, "seconds": told.seconds},
        _standing(run, f"{model}@{version}", seconds=sum(told.seconds.values()), is_up=is_up),
        *([] if is_up else [next_line(run)]),
        f"Then ask it: {_question(model, rows[0].text, port)}",
    )
    if is_up:
        _run_up(run, port)


def _require_fitting(run: Run, *, is_up: bool, port: int | None, budget: str | None) -> None:
    if is_up and run.as_json:
        raise click.UsageError("--up runs until it is stopped, and --json prints one object: leave one of them away.")
    if port and not is_up:
        raise click.UsageError("--port is the port of --up: add --up, or leave --port away.")
    if budget:
        seconds_of(budget)


def _champion(
    run: Run, model: str, rows: Sequence[Example], settings: FinetuneConfig, *, is_replaced: bool
) -> str | None:
    """The champion, of which is told what becomes. Refuses what the registry would refuse at the end."""
    is_paired = bool(rows) and rows[0].pair is not None
    kind: Kind = "multi-label" if settings.multi_label else "single-label"
    run.home.registry.require_addable(model, task_in_words(kind, is_paired=is_paired))
    pointer = run.home.registry.readable_pointer(model)
    if pointer is None:
        return None
    outcome = "is replaced at the end, as by 'retune promote'" if is_replaced else "goes on answering"
    info(f"{model}@{pointer.version} is in service, and {outcome}.")
    return pointer.version


def _require_base_model(settings: FinetuneConfig) -> None:
    """Before the import of torch, which takes seconds."""
    from finetune.encoders.base_models import find_base_model

    find_base_model(settings.base_model)


def _require_rung(rung: str | None) -> None:
    """Before the training, which takes minutes."""
    from export.ladder import RUNGS

    if rung not in (None, *RUNGS):
        raise UnknownRung(str(rung), RUNGS)


def _leave_champion(run: Run, model: str, version: str, champion: str, told: Told) -> None:
    run.emit(
        {"model": model, "version": version, "champion": champion, **told.facts, "seconds": told.seconds},
        f"{model}@{champion} goes on answering. {model}@{version} was not compared with it.",
        f"Compare: {run.hint('evaluate', f'{model}@{version}', '--data', 'FILE')}",
        f"Put it in service: {run.hint('promote', f'{model}@{version}')}",
    )
    sys.exit(REFUSED)


def _standing(run: Run, name: str, *, seconds: float, is_up: bool) -> str:
    if is_up or supervision_of(run.home.folder) or living_server_workers(run.home.folder):
        return f"{name} is in service, after {seconds:.0f} s."
    return f"{name} is ready, after {seconds:.0f} s; no server runs yet to answer with it."


def next_line(run: Run) -> str:
    """What answers with the version, or will."""
    if up := supervision_of(run.home.folder):
        return f"'retune up' answers with it on {up.url}. How it stands: {run.hint('status')}"
    if living_server_workers(run.home.folder):
        return f"A server of this home answers with it. How it stands: {run.hint('status')}"
    return f"Next: {run.hint('up')}"


def _question(model: str, text: str, port: int) -> str:
    body = f'{{"model": "{model}", "texts": ["{_plain(text)}"]}}'
    return shlex.join(["curl", "-s", f"localhost:{port}/predict", "-H", "Content-Type: application/json", "-d", body])


def _plain(text: str) -> str:
    """The beginning of a text, without what JSON or a shell would take for its own.

    >>> _plain('Say "no", and\\nwait for the end of the month please')
    'Say no, and wait for the end of the month please'
    """
    kept = (char if char.isprintable() else " " for char in text if char not in "\"'\\")
    words = " ".join("".join(kept).split())
    return words if len(words) <= 60 else words[:60].rpartition(" ")[0] or words[:60]


def _run_up(run: Run, port: int) -> None:
    """Go on as `retune up` in this process, which then holds nothing of the training."""
    service = run.config.service.model_copy(update={"port": port})
    home = ["--home", str(run.home.folder)] if run.home_folder is not None else []
    os.chdir(ROOT)
    os.execve(
        sys.executable,
        [sys.executable, "-m", "cli", *home, "up"],
        child_environment(run.config.model_copy(update={"service": service})),
    )
