"""`retune report`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from cli.context import Run, info, pass_run
from core.checkpoint import read_training
from core.durable import write_bytes
from core.errors import InvalidInput
from core.pages import links_beside


@click.command()
@click.argument("run_folder", metavar="[RUN]", type=click.Path(path_type=Path), required=False)
@click.option("--out", type=click.Path(path_type=Path), help="The page [default: RUN-report.html beside RUN].")
@click.option("--check", "check_id", type=click.IntRange(1), help="Write the report and snapshot of this drift check.")
@pass_run
def report(run: Run, run_folder: Path | None, out: Path | None, check_id: int | None) -> None:
    """Write a report of a training: curves, confusion matrix, reliability, worst examples. RUN is a checkpoint.

    With --check: the report of a drift check of traffic, again. 'retune decisions' shows the ids of checks.
    """
    if run_folder is None and check_id is not None and out is None:
        _report_check(run, check_id)
    elif run_folder is not None and check_id is None:
        _report_training(run, run_folder, out)
    else:
        raise click.UsageError("Name either a checkpoint, with --out or without, or a drift check with --check ID.")


def _report_check(run: Run, check_id: int) -> None:
    from monitoring.illustration import illustrate_again

    made = illustrate_again(run.home, check_id)
    record, gone = made.record, made.record.verdict.rows - made.rows
    run.emit(
        {
            "check": check_id,
            "model": record.model,
            "report": record.report,
            "rows": made.rows,
            "problems": made.problems,
        },
        *([f"Report {run.home.folder / record.report}"] if record.report else []),
        *([f"It shows {made.rows} of the {record.verdict.rows} rows; the others were erased."] if gone else []),
    )
    for problem in made.problems:
        info(problem)
    if made.problems:
        sys.exit(1)


def _report_training(run: Run, run_folder: Path, out: Path | None) -> None:
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
    write_bytes(page, report_page(contents, name=folder.name, links=links_beside(page)).encode())
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
