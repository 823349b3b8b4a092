"""`retune freeze` and `unfreeze`."""

from __future__ import annotations

import click

from cli.context import Run, pass_run
from cli.who import this_user
from core.clock import utc_now
from core.freezes import Freeze, until_of
from core.loop import orders as loop_orders


@click.command()
@click.argument("model")
@click.option("--until", metavar="TIME", help="2026-12-24T18:00 (UTC), or 3d from now [default: until unfreeze].")
@click.option("--reason", default="", help="Why; every refused promotion says it.")
@pass_run
def freeze(run: Run, model: str, until: str | None, reason: str) -> None:
    """Keep the champion in service: nobody, and no job, may replace it."""
    end = until_of(until) if until is not None else None
    made = loop_orders.freeze(run.home, model, Freeze(utc_now(), end, reason, this_user()))
    champion = run.home.registry.champion(model).version
    run.record("freeze", model, {"version": champion, "until": made.until, "reason": made.reason})
    run.emit(
        {"model": model, "champion": champion, "until": made.until, "reason": made.reason},
        f"{model}@{champion} is {made.words}. To end that: {run.hint('unfreeze', model)}",
    )


@click.command()
@click.argument("model")
@pass_run
def unfreeze(run: Run, model: str) -> None:
    """End a freeze."""
    ended = loop_orders.unfreeze(run.home, model, by=this_user())
    if ended:
        run.record("unfreeze", model)
    told = f"{model} may be promoted again." if ended else f"{model} was not frozen."
    run.emit({"model": model, "was_frozen": ended is not None}, told)
