"""`retune forget`."""

from __future__ import annotations

import shlex
from dataclasses import asdict

import click

from cli.context import Run, pass_run
from core.privacy.forgetting import Forgotten, forget_expired, forget_key, forget_predictions


@click.command()
@click.option("--prediction", "predictions", multiple=True, metavar="ID", help="This prediction; may be repeated.")
@click.option("--key", metavar="NAME", help="Every prediction requested with this API key.")
@click.option("--expired", is_flag=True, help="Every prediction older than ledger.keep_days.")
@pass_run
def forget(run: Run, predictions: tuple[str, ...], key: str | None, expired: bool) -> None:
    """Erase predictions with their feedback, label requests and rows in kept data sets."""
    if sum([bool(predictions), key is not None, expired]) != 1:
        raise click.UsageError("Name what to forget: --prediction ID, --key NAME or --expired, one of them.")
    if expired:
        forgotten = forget_expired(run.home)
    elif key is not None:
        forgotten = forget_key(run.home, key)
    else:
        forgotten = forget_predictions(run.home, predictions)
    named = {"key": key} if key else {"expired": True} if expired else {}
    run.record("forget", facts={**named, **asdict(forgotten.erased)})
    run.emit(
        {
            **asdict(forgotten.erased),
            "datasets": forgotten.datasets,
            "versions": forgotten.versions,
            "rewritten": forgotten.is_rewritten,
            "log_emptied": forgotten.is_log_empty,
        },
        *_lines(forgotten, shlex.join(["sqlite3", str(run.home.ledger.database.url.database), "VACUUM"])),
    )


def _lines(forgotten: Forgotten, vacuum: str) -> list[str]:
    erased = forgotten.erased
    lines = [
        f"Erased: predictions {erased.predictions}, feedback {erased.feedback}, label requests {erased.label_requests}."
    ]
    lines += [f"Rows erased from data set {name[:12]}…: {rows}." for name, rows in forgotten.datasets.items()]
    if forgotten.versions:
        named = ", ".join(forgotten.versions)
        lines.append(f"Texts remain in the golden answers of {named}: docs/privacy.md says how to remove a version.")
    if not forgotten.is_rewritten:
        lines.append(
            "The ledger was in use and could not be rebuilt: copies of ids and labels may remain in its pages. "
            f"Run this when it is not in use: {vacuum}"
        )
    if not forgotten.is_log_empty:
        lines.append("The ledger's write-ahead log is in use and contains the rows until the last process closes it.")
    return lines
