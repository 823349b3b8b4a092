"""`retune models`."""

from __future__ import annotations

import click

from cli.context import Run, pass_run
from core.errors import NoModels
from core.overview.facts import DriftFacts, ModelOverview, overview_json
from core.overview.reading import read_overview
from core.overview.words import earlier_words, traffic_words, verdict_words


@click.command()
@pass_run
def models(run: Run) -> None:
    """List the models: champion, versions, traffic and drift of each in one line."""
    found = read_overview(run.home)
    by_name = sorted(found.models, key=lambda model: model.model)
    width = max((len(model.model) for model in by_name), default=0)
    run.emit(
        overview_json(found),
        *([f"The ledger is away: {found.ledger_problem}"] if found.ledger_problem else []),
        *(_line(model, width) for model in by_name),
        *([] if by_name else [str(NoModels(found.registry))]),
    )


def _line(model: ModelOverview, width: int) -> str:
    count = f"{len(model.versions)} version{'' if len(model.versions) == 1 else 's'}"
    champion = f"@{model.champion.version} in service" if model.champion else "none in service"
    parts = [champion, count]
    if model.traffic is not None:
        parts += [traffic_words(model.traffic), _drift(model.drift)]
    if model.problem:
        parts.append(model.problem)
    return f"{model.model:<{width}}  {'; '.join(parts)}"


def _drift(drift: DriftFacts | None) -> str:
    return verdict_words(drift) + (earlier_words(drift) if drift else "")
