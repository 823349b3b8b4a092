"""`retune drift`."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path

import click

from cli.change_lines import change_lines
from cli.context import REFUSED, Run, column_options, columns_for, info, pass_run
from core.champion import read_champion
from core.datasets import Columns, read_examples
from core.share import percent
from core.stored import as_stored


@click.command()
@click.option("--model", required=True, help="Model whose reference is compared with.")
@click.option("--file", "file", required=True, type=click.Path(path_type=Path), help="Rows to compare.")
@click.option("--labels", is_flag=True, help="Also measure the accuracy by the labels of the file.")
@column_options
@pass_run
def drift(run: Run, model: str, file: Path, labels: bool, columns: Columns) -> None:
    """Compare a file with the champion's reference; exits 3 on drift."""
    champion = read_champion(run.home.registry, model)
    columns = columns_for(columns, kind=champion.kind, is_paired=champion.facts.is_paired)
    rows = read_examples(file, columns, labelled=labels)
    from monitoring.illustration import illustrate
    from monitoring.watch import check_file

    check = check_file(run.home, champion, rows, source=str(file))
    verdict = check.record.verdict
    result = as_stored(verdict) | {"examples": check.texts}
    lines = [
        verdict.sentence,
        *change_lines(verdict, check.texts),
        *(f"  {item.feature}: {item.detail} (p = {item.p_value:.3g})" for item in verdict.evidence),
    ]
    if measured := check.measured_accuracy if labels else None:
        result["measured_accuracy"] = asdict(measured)
    if share := measured or verdict.estimated_accuracy:
        kind, level = ("Measured", 95) if measured else ("Estimated", 90)
        lines.append(
            f"{kind} accuracy {percent(share.value)} "
            f"({level} % interval {percent(share.low)} to {percent(share.high)})."
        )
    try:
        run.emit(result, *lines)
    finally:  # also if the output is closed: the rows of a file cannot be illustrated later
        if verdict.is_conclusive:
            made = illustrate(run.home, champion, check.record, check.window, groups=check.groups)
            for problem in made.problems:
                info(problem)
    if verdict.outcome == "drift":
        sys.exit(REFUSED)
