"""`retune report`."""

from __future__ import annotations

from pathlib import Path

import click

from cli.context import Run, pass_run
from core.checkpoint import read_training
from core.durable import write_bytes
from core.errors import InvalidInput


@click.command()
@click.argument("run_folder", metavar="RUN", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), help="The page [default: RUN-report.html beside RUN].")
@pass_run
def report(run: Run, run_folder: Path, out: Path | None) -> None:
    """Write a report of a training: curves, confusion matrix, reliability, worst examples. RUN is a checkpoint."""
    folder = run_folder.resolve()
    page = out or folder.with_name(f"{folder.name}-report.html")
    if page.resolve().is_relative_to(folder):
        raise InvalidInput(f"The page {page} would be inside the sealed checkpoint. Name a place outside.")
    if page.is_dir():
        raise InvalidInput(f"{page} is a folder. Name a file, e.g. {page / 'report.html'}.")
    read_training(folder)  # refuses before imports that take seconds
    from finetune.report.contents import gather
    from finetune.report.page import report_page

    contents = gather(folder, run.config.datasets)
    write_bytes(page, report_page(contents, name=folder.name).encode())
    fit = contents.training.fit
    run.emit(
        {
            "report": str(page),
            "verdict": fit.get("verdict"),
            "reason": fit.get("reason"),
            "worst": [vars(example) for example in contents.worst],
            "missing": contents.missing,
        },
        f"Report {page}",
        *([f"{fit['verdict']}: {fit['reason']}"] if fit else []),
        *contents.missing,
    )
