"""`retune jobs`."""

from __future__ import annotations

import click

from cli.context import Run, pass_run
from cli.job_sentences import detail, named
from core.job_json import job_json
from core.records import JobRecord, LogLine


class _Jobs(click.Group):
    """`retune jobs [NAME]` is `retune jobs list [NAME]`."""

    def parse_args(self, context: click.Context, args: list[str]) -> list[str]:
        if not args or args[0] not in (*self.commands, *context.help_option_names):
            args = ["list", *args]
        return super().parse_args(context, args)


@click.group(cls=_Jobs)
def jobs() -> None:
    """Jobs of the worker: list them (jobs [NAME]), cancel one, read its log."""


@jobs.command("list")
@click.argument("model", required=False)
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1))
@pass_run
def list_jobs(run: Run, model: str | None, limit: int) -> None:
    """List the jobs of a model, or of all, most recent first."""
    if model is not None:
        run.home.registry.require_model(model)
    found = run.home.jobs.latest(model, limit=limit)
    none = f"No job is in {run.home.ledger.database.shown_url}."
    run.emit(
        {"jobs": [job_json(job) for job in found]}, *(_line(job) for job in found or []), *([] if found else [none])
    )


@jobs.command()
@click.argument("job", type=click.IntRange(1, 2**31 - 1))
@pass_run
def cancel(run: Run, job: int) -> None:
    """Cancel a job: at once if it is queued, at its next step if it runs."""
    cancelled = run.home.jobs.cancel(job)
    run.record("cancel_job", cancelled.model, {"job": job})
    when = "is cancelled" if cancelled.status == "cancelled" else "will be cancelled at its next step"
    run.emit(job_json(cancelled), f"{named(cancelled)} {when}.")


@jobs.command()
@click.argument("job", type=click.IntRange(1, 2**31 - 1))
@pass_run
def log(run: Run, job: int) -> None:
    """Print what happened to a job: its stages with their times, warnings and errors."""
    lines = run.home.jobs.log(job)
    run.emit({"job": job, "log": [vars(entry) for entry in lines]}, *(_log_line(entry) for entry in lines))


def _line(job: JobRecord) -> str:
    told = detail(job)
    return f"{job.id:>4}  {job.created_at[:19]}  {job.kind} {job.model}  {job.status}{': ' if told else ''}{told}"


def _log_line(entry: LogLine) -> str:
    mark = f"{entry.level.upper()} " if entry.level in ("warning", "error") else ""
    return f"{entry.created_at[:19]}  {mark}{entry.text}"
