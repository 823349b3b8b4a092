"""`retune promote` and `rollback`."""

from __future__ import annotations

from functools import partial
from typing import Any

import click

from cli.context import Run, info, pass_run
from cli.label_changes import told_changes
from cli.versions import default_model
from core import promotion
from core.audit.entries import Action
from core.errors import InvalidInput, Unavailable
from core.home import Home
from core.registry import Champion, parse_version

# A promotion is valid without its ledger record, so a locked ledger delays it only this long.
LEDGER_TIMEOUT_S = 5.0


@click.command()
@click.argument("name", metavar="NAME@VERSION")
@click.option("--force", is_flag=True, help="Also a version that the gate refused or the guard rolled back; marked.")
@pass_run
def promote(run: Run, name: str, force: bool) -> None:
    """Make a version the champion; returns when every running server serves it."""
    model, version = parse_version(name)
    if version is None:
        raise InvalidInput(f"{name!r} names no version. Write NAME@VERSION, e.g. {name}@1.")
    changes, lines = put_in_service(run, model, version, reason="Promoted by hand.", force=force)
    run.emit({"model": model, "version": version, "champion": version, **changes}, *lines)


def put_in_service(
    run: Run, model: str, version: str, *, reason: str, force: bool = False
) -> tuple[dict[str, Any], list[str]]:
    """Promote a version and record it; what has changed, for the JSON object and for the terminal."""
    before = _champion(run, model)
    run.home.registry.folder(model, version)  # raises `ModelNotFound` or `VersionNotFound`
    forced = promotion.needs_force(run.home, model, version, force=force)
    on_change = partial(_record, run, model, "promote", f"{reason[:-1]}, by force." if forced else reason)
    promotion.promote(run.home, model, version, forced=forced, on_change=on_change)
    changes, lines = told_changes(run, model, version, before=before)
    default = default_model(run)
    named = f'Clients name it: "model": "{model}". Requests without \'model\' are answered by {default!r}.'
    by_force = " It was promoted by force, which its history shows." if forced else ""
    told = [f"{model}@{version} is the champion.{by_force}", *lines, *([] if default == model else [named])]
    return {"forced": forced, **changes}, told


@click.command()
@click.argument("model")
@pass_run
def rollback(run: Run, model: str) -> None:
    """Make the previous champion the champion again; needs neither database nor training code."""
    before = _champion(run, model)
    on_change = partial(_record, run, model, "roll_back", "Rolled back by hand.")
    version = promotion.roll_back(run.home, model, on_change=on_change).version
    changes, lines = told_changes(run, model, version, before=before)
    run.emit(
        {"model": model, "version": version, "champion": version, **changes},
        f"{model}@{version} is the champion again.",
        *lines,
        *([f"To go forward again: {run.hint('promote', f'{model}@{before}')}"] if before else []),
    )


def _champion(run: Run, model: str) -> str | None:
    pointer = run.home.registry.readable_pointer(model)
    return pointer.version if pointer else None


def _record(
    run: Run, model: str, action: Action, reason: str, champion: Champion, before: Champion | None, is_undone: bool
) -> None:
    """Record the change in the ledger and the audit, if that is reachable."""
    home = Home(run.config, busy_s=LEDGER_TIMEOUT_S)
    is_away = False
    try:
        promotion.record_change(home.ledger, model, reason, champion, before, is_undone)
    except Unavailable as error:
        is_away = True
        info(f"Not recorded in the ledger: {error}")
    facts = {"version": champion.version, "before": before.version if before else None}
    run.record("undo_promotion" if is_undone else action, model, facts, home=home, is_away=is_away)
