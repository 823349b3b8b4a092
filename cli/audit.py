"""`retune audit`."""

from __future__ import annotations

from datetime import datetime

import click

from cli.context import Run, info, pass_run
from core.audit.entries import Audit, AuditEntry
from core.audit.waiting import FILE, waiting
from core.audit.words import facts_in_words
from core.clock import stored_time


@click.command()
@click.argument("model", metavar="[NAME]", required=False)
@click.option("--since", type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"]), help="From when, UTC.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1), help="Entries to list.")
@pass_run
def audit(run: Run, model: str | None, since: datetime | None, limit: int) -> None:
    """List who changed what, when and through what, most recent first: of a model, or everything."""
    start = stored_time(since) if since else ""
    ledger = run.home.ledger.database
    entries = Audit(ledger).latest(model, since=start, limit=limit)
    if model is not None and not entries:  # the entries of a model outlive it
        run.home.registry.require_model(model)
    if aside := waiting(run.home.folder):
        info(f"{len(aside)} more wait for the ledger in {run.home.folder / FILE}.")
    none = f"No change is recorded in {ledger.shown_url}."
    run.emit({"entries": [vars(entry) for entry in entries]}, *([_line(entry) for entry in entries] or [none]))


def _line(entry: AuditEntry) -> str:
    about = f" {entry.model}" if entry.model else ""
    facts = facts_in_words(entry.facts)
    return f"{entry.created_at[:19]}  {entry.who} ({entry.via})  {entry.action}{about}  {facts}".rstrip()
