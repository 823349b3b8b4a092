"""`retune labels`."""

from __future__ import annotations

import sys
from dataclasses import asdict
from functools import partial
from pathlib import Path

import click

from cli.context import Run, info, pass_run
from core.feedback import registered_kind, store_labels
from lifecycle.labels.files import read_given_labels, write_requests
from lifecycle.labels.queue import NO_TEXTS


@click.group()
def labels() -> None:
    """Labels that a decision requests: export the texts, import the labels."""


@labels.command("export")
@click.argument("model")
@click.option("--out", type=click.Path(path_type=Path), help="CSV file to write [default: stdout].")
@pass_run
def export_labels(run: Run, model: str, out: Path | None) -> None:
    """Write the open label requests: prediction_id, text, predicted, score and an empty label to fill in.

    Pairs also have a column pair. Write several labels of a text as a|b, and no label as |.
    """
    run.home.registry.require_model(model)
    requests = run.home.ledger.label_requests(model)
    if not requests and run.config.ledger.keep == "features":
        info(NO_TEXTS)
    if run.as_json:
        run.emit({"model": model, "requests": [asdict(item) for item in requests]})
    if out:
        with out.open("w", newline="", encoding="utf-8") as file:
            write_requests(file, requests)
        info(f"{len(requests)} texts to label are in {out}. Fill in 'label', then: retune labels import {model} {out}")
    elif not run.as_json:
        write_requests(sys.stdout, requests)


@labels.command("import")
@click.argument("model")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--source", default="file", show_default=True, help="Who gave the labels.")
@pass_run
def import_labels(run: Run, model: str, file: Path, source: str) -> None:
    """Read labels (columns prediction_id and label; rows without a label are skipped).

    Several labels of a text are written as a|b, and no label as |.
    """
    run.home.registry.require_model(model)
    given, empty = read_given_labels(file, source=source)
    stored = store_labels(run.home.ledger, given, kind_of=partial(registered_kind, run.home.registry), model=model)
    unknown = len(stored.unknown)
    run.emit(
        {"model": model, "accepted": stored.accepted, "unknown": unknown, "empty": empty},
        f"{stored.accepted} labels stored, {unknown} for unknown predictions, {empty} rows without a label skipped.",
    )
