"""`retune retrain`."""

from __future__ import annotations

import sys
from typing import Any, get_args

import click

from cli.context import REFUSED, Run, pass_run
from cli.following import follow
from cli.job_sentences import sentence
from cli.who import this_user
from core.config import MethodName
from core.duration import seconds_of
from core.job_json import job_json
from core.loop.accepting import request_retrain
from core.records import JobRecord


@click.command()
@click.argument("model")
@click.option("--method", type=click.Choice(get_args(MethodName)), help="How to train [default: the config's].")
@click.option("--budget", help="Upper limit of the time, e.g. 90s, 10m [default: the config's].")
@click.option("--wait", is_flag=True, help="Follow the job to its end; Ctrl-C leaves it to its worker.")
@click.option(
    "--start-within",
    default=15.0,
    show_default=True,
    type=click.FloatRange(min=0),
    help="With --wait: seconds without a worker after which that is said.",
)
@pass_run
def retrain(run: Run, model: str, method: str | None, budget: str | None, wait: bool, start_within: float) -> None:
    """Queue a retrain job; 'retune worker' runs it."""
    run.home.registry.champion(model)
    if budget:
        seconds_of(budget)
    payload = {key: value for key, value in {"method": method, "budget": budget}.items() if value}
    job = request_retrain(run.home, model, by=this_user(), payload=payload)
    run.record("retrain", model, {"job": job.id, **payload})
    if wait:
        job = follow(run, job, start_within_s=start_within)
        run.emit(job_json(job), sentence(job))
        sys.exit(_exit_code(job))
    run.emit(
        {"model": model, "job": job.id, "status": job.status},
        f"Job {job.id} (retrain {model}) is {job.status}. Next: {run.hint('worker', '--once')}",
    )


def _exit_code(job: JobRecord) -> int:
    """1 if it failed or was cancelled, `REFUSED` if the gate rejected the challenger."""
    if job.status != "done":
        return 1
    verdict: Any = job.retrained and job.retrained.verdict
    return REFUSED if verdict and verdict.answer == "reject" else 0
