"""`retune retrain`."""

from __future__ import annotations

from typing import get_args

import click

from cli.context import Run, pass_run
from core.config import MethodName
from core.duration import seconds_of


@click.command()
@click.argument("model")
@click.option("--method", type=click.Choice(get_args(MethodName)), help="How to train [default: the config's].")
@click.option("--budget", help="Upper limit of the time, e.g. 90s, 10m [default: the config's].")
@pass_run
def retrain(run: Run, model: str, method: str | None, budget: str | None) -> None:
    """Queue a retrain job; 'retune worker' runs it."""
    run.home.registry.champion(model)
    if budget:
        seconds_of(budget)
    payload = {key: value for key, value in {"method": method, "budget": budget}.items() if value}
    job = run.home.jobs.enqueue(model, "retrain", payload)
    run.emit(
        {"model": model, "job": job.id, "status": job.status},
        f"Job {job.id} (retrain {model}) is {job.status}. Next: {run.hint('worker', '--once')}",
    )
