"""`retune demo`."""

from __future__ import annotations

import shutil
import signal
import socket
import sys
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from cli.context import REFUSED, Run, info, pass_run
from cli.demo.files import TICKETS, Parts, read_parts
from core.config import Config, overridden
from core.duration import seconds_of
from core.errors import TargetExists
from core.home import Home
from core.share import percent

MARK = ".retune-demo"
# The two checks of the demo, seconds apart, stand for those of two days.
DAY_S = 86_400.0
# Share of the labels that is requested after the drift; the gate may ask for the rest.
FIRST_SHARE = 0.75


@click.command()
@click.option("--train", type=click.Path(path_type=Path), default=TICKETS / "train.csv", help="Rows to train on.")
@click.option("--reference", type=click.Path(path_type=Path), default=TICKETS / "reference.csv", help="Rows as before.")
@click.option("--fresh", type=click.Path(path_type=Path), default=TICKETS / "fresh.csv", help="Rows after a change.")
@click.option("--home", help="Folder of the demo's state [default: .retune/demo].")
@click.option("--method", type=click.Choice(["auto", "features", "full"]), default="auto", show_default=True)
@click.option(
    "--epochs", type=click.IntRange(1), default=5, show_default=True, help="Epochs of each fine-tuning of the encoder."
)
@click.option("--budget", help="Upper limit of the time of each training, e.g. 90s [default: none].")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Seed of both trainings.")
@click.option(
    "--label-budget",
    type=click.IntRange(10),
    default=120,
    show_default=True,
    help="Labels to give in all, those for the gate included.",
)
@click.option("--keep-serving", is_flag=True, help="Keep the server and its dashboard running until Ctrl-C.")
@pass_run
def demo(
    run: Run, /, train: Path, reference: Path, fresh: Path, home: str | None, keep_serving: bool, **given: Any
) -> None:
    """Run the whole loop on three files, and print each step.

    Fine-tunes, exports, serves, sends traffic, detects drift, requests labels, retrains, and promotes the new
    version if the gate allows it, while a client sends requests.
    """
    if given["budget"]:
        seconds_of(given["budget"])
    parts = read_parts(train, reference, fresh)
    config = _config(run.config, home, **given)
    result = _run(config, parts, label_budget=given["label_budget"], keep_serving=keep_serving)
    if run.as_json:
        run.emit(result)
    if problems := _problems(result):
        info(f"\nUnexpected: {'; '.join(problems)}.")
        sys.exit(REFUSED)


def _config(
    config: Config, home: str | None, *, method: str, epochs: int, budget: str | None, seed: int, label_budget: int
) -> Config:
    """The user's config with a home and a port for the demo; the home is emptied."""
    given = {"home": config.home / "demo" if home is None else home}
    folder = overridden(config, given, source="the options").home.absolute()
    _empty(folder)
    training = {"method": method, "epochs": epochs, "budget": budget, "seed": seed}
    changed = {
        "home": folder,
        "finetune": config.finetune.model_copy(update=training),
        "drift": config.drift.model_copy(update={"interval_s": DAY_S}),
        "labels": config.labels.model_copy(update={"budget": max(10, round(FIRST_SHARE * label_budget))}),
        "service": config.service.model_copy(update={"port": _free_port(), "host": "127.0.0.1", "admin_token": None}),
        "ledger": config.ledger.model_copy(update={"url": None}),
        "registry": config.registry.model_copy(update={"url": None}),
    }
    return config.model_copy(update=changed)


def _empty(folder: Path) -> None:
    """Empty the folder, but only if an earlier demo made it."""
    if folder.exists() and any(folder.iterdir()):
        if not (folder / MARK).exists():
            raise TargetExists(folder)
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MARK).touch()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def _run(config: Config, parts: Parts, *, label_budget: int, keep_serving: bool) -> dict[str, Any]:
    info("Loading the training stack …")
    # Imported here: torch and transformers take seconds, and 'retune --help' does not need them.
    from cli.demo.page import write_page
    from cli.demo.story import Story, run_story

    story = Story(Home(config), parts, label_budget)
    with run_story(story) as (result, url):
        result["page"] = str(write_page(config.home / "demo.html", result, story.histories))
        _show(result)
        if keep_serving:
            info(f"\nStill serving; the dashboard is at {url}/dashboard/demo. Ctrl-C ends it.")
            signal.pause()
    return result


def _show(result: dict[str, Any]) -> None:
    """Print the final table on stderr, like the steps."""
    table = Table(title="Result", title_justify="left")
    for column in ("", "before", "after"):
        table.add_column(column, justify="left" if not column else "right")
    for name in ("fresh", "old"):
        accuracy = result[f"{name}_accuracy"]
        table.add_row(f"accuracy on {name} rows", percent(accuracy["before"]), percent(accuracy["after"]))
    table.add_row("drift on reference / on fresh", _drifted(result["reference_check"]), _drifted(result["fresh_check"]))
    table.add_row("labels used", "", str(result["labels_used"]))
    swap = result["requests_during_swap"]
    table.add_row("requests while retraining / failed", str(swap["sent"]), str(swap["failed"]))
    table.add_row("seconds in all", "", f"{result['seconds']['total']:.0f}")
    Console(stderr=True).print("", table, f"Page: {result['page']}", sep="\n", soft_wrap=True)


def _drifted(check: dict[str, Any]) -> str:
    return f"{'yes' if check['drifted'] else 'no'} (p = {check['p_value']:.3g})"


def _problems(result: dict[str, Any]) -> list[str]:
    """Unexpected results of the demo. A refusal by the gate is not among them."""
    problems = []
    if result["reference_check"]["drifted"]:
        problems.append("drift was detected in rows of the old kind")
    if result["requests_during_swap"]["failed"]:
        problems.append(f"{result['requests_during_swap']['failed']} requests failed during the swap")
    return problems
