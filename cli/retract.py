"""`retune labels retract`, and what `labels import` says of it."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime

import click

from cli.context import Run, pass_run
from core.clock import stored_time
from core.labelling.retraction import Retracted, retract

TIME = click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%S.%f"])


@click.command("retract")
@click.argument("model")
@click.option("--source", required=True, help="Whose labels.")
@click.option("--since", type=TIME, help="Those given from then on, UTC [default: all].")
@click.option("--until", type=TIME, help="Those given before, UTC.")
@click.option("--dry-run", is_flag=True, help="Say how many, and take none back.")
@pass_run
def retract_labels(
    run: Run, model: str, source: str, since: datetime | None, until: datetime | None, dry_run: bool
) -> None:
    """Take back labels of predictions, by their source and time: what was said before counts again.

    Texts that were asked for are asked for again. Versions that were trained on the labels stay.
    """
    run.home.registry.require_model(model)
    begin, end = stored_time(since) if since else "", stored_time(until) if until else "9"
    found = retract(run.home.ledger.database, model, source=source, since=begin, until=end, dry_run=dry_run)
    if found.rows and not dry_run:
        times = {name: value for name, value in (("since", begin), ("until", end)) if value not in ("", "9")}
        run.record("retract_labels", model, {"source": source, **times, **asdict(found)})
    run.emit(
        {"model": model, "source": source, **asdict(found), "dry_run": dry_run},
        *_lines(run, model, source, found, dry_run),
    )


def _lines(run: Run, model: str, source: str, found: Retracted, dry_run: bool) -> list[str]:
    if not found.rows:
        return [f"{source!r} gave no such label of {model}; {run.hint('audit', model)} lists imports and sources."]
    parts = {"doubtful": found.doubtful, "that it cannot be told": found.cannot_tell}
    more = "".join(f", {count} {words}" for words, count in parts.items() if count)
    said = f"{found.labels} labels of {source!r}{more}"
    return [f"{said}: nothing is changed (--dry-run)." if dry_run else f"{said}: taken back."]


def way_back(run: Run, model: str, source: str, begun: datetime) -> str:
    """How to take back what was imported since then."""
    since = begun.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")
    return f"To take them back: {run.hint('labels', 'retract', model, '--source', source, '--since', since)}"
