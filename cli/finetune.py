"""`retune finetune`."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import click

from cli.context import Run, column_options, pass_run, progress_shown
from core.config import FinetuneConfig, MethodName, Rare, overridden
from core.datasets import Columns, Example, read_examples
from core.durable import require_writable
from core.duration import seconds_of
from core.labels import Kind
from core.share import percent

if TYPE_CHECKING:
    from finetune.measuring.metrics import Evaluation


def _rate(context: click.Context, parameter: click.Parameter, value: str | None) -> str | float | None:
    if value in (None, "auto"):
        return value
    try:
        rate = float(str(value))
    except ValueError:
        rate = 0.0
    if not 0 < rate < 1:
        raise click.BadParameter(f"{value!r} is neither auto nor a number between 0 and 1, e.g. 2e-4.")
    return rate


@click.command()
@click.option("--data", required=True, type=click.Path(path_type=Path), help="Labelled rows: CSV, JSONL or Parquet.")
@click.option("--validation", type=click.Path(path_type=Path), help="Rows to validate on [default: a share of --data].")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder of the checkpoint; must be new.")
@click.option("--method", type=click.Choice(get_args(MethodName)), help="How to train [default: auto].")
@click.option("--budget", help="Upper limit of the time, e.g. 90s, 10m [default: none].")
@click.option("--seed", type=click.IntRange(0), help="Seed of all random numbers [default: 0].")
@click.option("--base-model", help="'default', a folder, or a hub id with @revision [default: default].")
@click.option("--lr", callback=_rate, help="Learning rate, or auto to search it [default: auto].")
@click.option("--epochs", type=click.IntRange(1), help="Passes over the rows [default: chosen by rows and tokens].")
@click.option("--primary-metric", help="Metric that selects epochs, rates and methods [default: accuracy].")
@click.option("--rare", type=click.Choice(get_args(Rare)), help="Rows of a label with one text [default: keep].")
@click.option("--folds", type=click.IntRange(2, 20), help="Also run a cross-validation with this many folds.")
@click.option(
    "--max-risk",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    help="Highest error rate among answers, by abstaining.",
)
@click.option("--resume", is_flag=True, help="Continue the interrupted run of this --out.")
@column_options
@pass_run
def finetune(
    run: Run,
    /,
    data: Path,
    validation: Path | None,
    out: Path,
    columns: Columns,
    resume: bool,
    **given: Any,
) -> None:
    """Fine-tune a pretrained transformer on labelled rows."""
    begun_at = time.monotonic()  # before reading the rows and loading torch, which are part of the budget
    rows = read_examples(data, columns)
    checked = read_examples(validation, columns) if validation else None
    given["multi_label"] = columns.multi_label or None
    if given["budget"]:
        seconds_of(given["budget"])
    settings = overridden(run.config.finetune, given, source="the options")
    require_trainable(rows, out, settings)
    from finetune.run import finetune as train
    from finetune.run_state.processes import is_main_process

    with progress_shown() as progress:
        result = train(
            rows,
            out=out,
            settings=settings,
            cache=run.config.cache,
            datasets=run.config.datasets,
            validation=checked,
            resume=resume,
            begun_at=begun_at,
            on_progress=progress,
        )
    if not is_main_process():
        return
    run.emit(
        {
            "checkpoint": str(result.checkpoint),
            "method": result.method,
            "reason": result.reason,
            "metrics": result.metrics.as_dict(),
            "findings": [asdict(found) for found in result.findings],
            "seconds": round(result.seconds, 1),
        },
        *(f"{found.severity}: {found.check}, {found.count} rows. {found.advice}" for found in result.findings),
        f"Checkpoint {result.checkpoint} ({result.method}, {result.seconds:.0f} s): {result.reason}",
        measured(result.metrics),
        f"Next: {run.hint('export', result.checkpoint, '--out', 'PACKAGE')}",
    )


def require_trainable(rows: Sequence[Example], out: Path, settings: FinetuneConfig) -> None:
    """Refuse here what the training would refuse after the import of torch, which takes seconds."""
    from finetune.encoders.base_models import find_base_model
    from finetune.measuring.metrics import require_primary
    from finetune.split import trainable

    kind: Kind = "multi-label" if settings.multi_label else "single-label"
    require_writable(out)
    trainable(rows, kind, rare=settings.rare)
    require_primary(settings.primary_metric, kind)
    find_base_model(settings.base_model)


def measured(metrics: Evaluation) -> str:
    """The metrics that fit in one line, and how they differ from those that the method reports."""
    values, several = metrics.values, metrics.kind == "multi-label"
    names = {"accuracy": "all labels of a text right" if several else "accuracy", "macro_f1": "macro f1"}
    numbers = {"log_loss": "log loss", "expected_calibration_error": "expected calibration error"}
    shares = [f"{name} {percent(values[key])}" for key, name in names.items() if key in values]
    losses = [f"{name} {values[key]:.3f}" for key, name in numbers.items() if key in values]
    fitted = ", with a threshold for each label (the line above: 0.5 for all)" if several else ""
    return f"On {metrics.rows} validation rows{fitted}: {', '.join([*shares, *losses])}"
