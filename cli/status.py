"""`retune status`."""

from __future__ import annotations

import click

from cli.context import Run, pass_run
from cli.status_lines import model_lines, process_line, up_lines
from core.errors import NoModels
from core.overview.facts import Overview, overview_json
from core.overview.reading import read_overview


@click.command()
@click.argument("model", required=False)
@pass_run
def status(run: Run, model: str | None) -> None:
    """Say how a model stands, or all of them: champion, traffic, drift, accuracy, labels, jobs, and what to do next."""
    found = read_overview(run.home, model)
    run.emit(overview_json(found), *_lines(run, found))


def _lines(run: Run, found: Overview) -> list[str]:
    if not found.models:
        return [str(NoModels(found.registry))]
    lines = [f"The ledger is away: {found.ledger_problem}"] if found.ledger_problem else []
    for one in found.models:
        lines += model_lines(run, one)
    return [*lines, process_line(found.processes), *up_lines(found.processes)]
