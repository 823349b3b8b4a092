"""`retune score`."""

from __future__ import annotations

from pathlib import Path

import click

from cli.context import Run, column_options, columns_for, package_folder, pass_run, progress_shown
from core.cpu import available_cpus
from core.datasets import Columns
from core.engine import Engine
from core.scoring import Scoring, score_file


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--model", required=True, metavar="MODEL[@VERSION]|PACKAGE", help="Model or package that predicts.")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="File to write: .csv, .jsonl or .parquet.")
@click.option("--top-k", type=click.IntRange(1), help="Also write the scores of this many labels, as JSON.")
@click.option("--resume", is_flag=True, help="Continue the interrupted run of this --out.")
@column_options
@pass_run
def score(run: Run, file: Path, model: str, out: Path, top_k: int | None, resume: bool, columns: Columns) -> None:
    """Predict all rows of a file of any size, in constant memory; nothing is written to the ledger."""
    engine = Engine(package_folder(run, model), threads=1)
    fitting = columns_for(columns, kind=engine.facts.kind, is_paired=engine.facts.is_paired)
    scoring = Scoring(file, out, fitting, top_k)
    with progress_shown() as on_progress:
        scored = score_file(engine, scoring, threads=available_cpus(), resume=resume, on_progress=on_progress)
    run.emit(
        {
            "rows": scored.rows,
            "seconds": round(scored.seconds, 3),
            "errors": scored.errors,
            "reused_rows": scored.reused,
            "out": str(out),
        },
        f"{scored.rows} rows scored in {scored.seconds:.1f} s: {out}",
        *([f"{scored.errors} of them have no answer; the column 'error' says why."] if scored.errors else []),
        *([f"{scored.reused} of them are from the interrupted run."] if scored.reused else []),
    )
