"""`retune export`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from cli.context import Run, column_options, columns_for, pass_run, progress_shown
from core.checkpoint import read_training
from core.datasets import Columns, kept_dataset, read_examples
from core.durable import require_writable
from core.package import RUNGS_PAGE
from core.share import percent


@click.command()
@click.argument("checkpoint", type=click.Path(path_type=Path))
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder of the package; must be new.")
@click.option(
    "--reference",
    type=click.Path(path_type=Path),
    help="Rows similar to future traffic, not trained on: the drift reference [default: the validation rows].",
)
@click.option("--rung", help="Package this rung whether or not it may be served.")
@column_options
@pass_run
def export(run: Run, checkpoint: Path, out: Path, reference: Path | None, rung: str | None, columns: Columns) -> None:
    """Export a checkpoint to a verified ONNX package."""
    training = read_training(checkpoint)
    require_writable(out)
    columns = columns_for(columns, kind=training.kind, is_paired=training.is_paired)
    rows = read_examples(reference, columns, labelled=False) if reference else None
    kept_dataset(training.data.validation, run.config.datasets)  # refuses before the import of torch
    from lifecycle.packaging import package_checkpoint

    with progress_shown() as progress:
        result = package_checkpoint(run.home, checkpoint, out=out, reference=rows, rung=rung, on_progress=progress)
    run.emit(
        {
            "package": str(result.package),
            "rung": result.rung,
            "rungs": [asdict(entry) for entry in result.rungs],
            "not_built": result.not_built,
            "size_mb": round(result.size_mb, 2),
            "fp32_accuracy": result.fp32_accuracy,
            "served_accuracy": result.served_accuracy,
            "label_agreement": result.label_agreement,
        },
        *(f"  {'*' if entry.name == result.rung else ' '} {_rung(entry)}" for entry in result.rungs),
        *(f"    {name:<14} not built: {why}" for name, why in result.not_built.items()),
        f"Package {result.package}: {result.rung}, {result.size_mb:.1f} MB; how each was measured: {RUNGS_PAGE} in it",
        f"Next: {run.hint('register', result.package, '--model', 'NAME')}",
    )


def _rung(entry: Any) -> str:
    speed = f"{percent(entry.accuracy)}, {percent(entry.agreement)} same labels, {entry.texts_per_s:.0f} texts/s"
    return f"{entry.name:<14} {speed}, {entry.size_mb:.1f} MB: {entry.why}"
