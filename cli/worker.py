"""`retune worker`."""

from __future__ import annotations

import sys
from dataclasses import asdict

import click

from cli.beside import tell_of_supervisor
from cli.context import REFUSED, Run, info, pass_run, progress_shown, stopped_by_signal
from cli.job_sentences import sentence
from core.errors import NoModels
from core.home_processes.beating import beating
from core.home_processes.pacing import run_paced


@click.command()
@click.option("--once", is_flag=True, help="Run the queued jobs, then end.")
@click.option("--poll", default=2.0, show_default=True, type=click.FloatRange(min=0.1), help="Seconds between polls.")
@pass_run
def worker(run: Run, once: bool, poll: float) -> None:
    """Run jobs: retrain, gate, promote. Safe to kill: another worker takes the job again.

    After SIGTERM a job ends at its next step and is queued again.
    """
    tell_of_supervisor(run, "worker")
    if run.owns_process:
        run_paced(run.config)
    try:
        run.home.registry.require_any()
    except NoModels as error:
        if once:
            raise
        info(str(error))
    from lifecycle.worker import work

    stop = stopped_by_signal()
    with beating(run.home, "worker"):
        done = work(
            run.home,
            stop=stop,
            once=once,
            poll_s=poll,
            progress_shown=progress_shown,
            on_end=lambda job: info(sentence(job)),
        )
    none = "Told to end." if stop.is_set() else f"No job is queued in {run.home.ledger.database.shown_url}."
    run.emit({"jobs": [asdict(job) for job in done]}, f"{len(done)} jobs ended." if done else none)
    if any(job.status not in ("done", "cancelled") for job in done):
        sys.exit(1)
    if once and any(job.retrained and not job.retrained.promoted for job in done):
        sys.exit(REFUSED)
