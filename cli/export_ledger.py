"""`retune export-ledger`."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import click

from cli.context import Run, pass_run
from core.ledger_export import TableName, export_table


@click.command("export-ledger")
@click.argument("model")
@click.option("--table", type=click.Choice(get_args(TableName)), default="predictions", show_default=True)
@click.option("--out", required=True, type=click.Path(path_type=Path), help="New file: .csv, .jsonl or .parquet.")
@pass_run
def export_ledger(run: Run, model: str, table: TableName, out: Path) -> None:
    """Write a model's rows of a table of the ledger to a file, of a deleted model, too."""
    run.home.registry.require_known(model)
    rows = export_table(run.home.ledger.database, model, table, out)
    run.emit({"model": model, "table": table, "rows": rows, "out": str(out)}, f"{rows} rows of {table}: {out}")
