"""`retune incidents`."""

from __future__ import annotations

import click

from cli.context import Run, pass_run
from core.ledger_tables.guards import Guard, Guards
from core.ledger_tables.incidents import Incident, Incidents
from core.stored import as_stored


@click.command()
@click.argument("model")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1))
@pass_run
def incidents(run: Run, model: str, limit: int) -> None:
    """List what broke a promise after a promotion, and what was done; most recent first."""
    run.home.registry.require_model(model)
    database = run.home.ledger.database
    found = Incidents(database).latest(model, limit=limit)
    guard = next(iter(Guards(database).latest(model, limit=1)), None)
    run.emit(
        {
            "model": model,
            "incidents": [as_stored(one) for one in found],
            "guard": as_stored(guard) if guard else None,
        },
        *(line for one in found for line in _lines(one)),
        *([] if found else [f"No incident of {model!r}."]),
        *(_guard_lines(guard) if guard else []),
    )


def _lines(one: Incident) -> list[str]:
    done = one.done or f"Putting {one.model}@{one.previous} in service again."
    found = f"{one.created_at[:19]}  {one.model}@{one.version}  {one.cause}: {one.reason}"
    return [found, f"{'':21}{one.action}: {done}"]


def _guard_lines(guard: Guard) -> list[str]:
    name = f"{guard.model}@{guard.version}"
    if guard.ended_at is not None:
        why = f": {guard.reason}" if guard.outcome == "overtaken" else "."
        return [f"The last guard, of {name}, ended {guard.ended_at[:19]}, {guard.ended}{why}"]
    hours = f"{guard.watched_s / 3600:.1f} hours watched, {guard.labels} labelled texts"
    return [f"{name} is guarded: {hours}.", *(f"  {one.cause}: {one.sentence}" for one in guard.seen)]
