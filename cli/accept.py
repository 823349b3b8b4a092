"""`retune accept`, `decline` and `resume`."""

from __future__ import annotations

import click

from cli.context import Run, pass_run
from cli.who import this_user
from core.loop import accepting
from core.loop import orders as loop_orders
from core.stored import as_stored


@click.command()
@click.argument("model")
@click.option("--proposal", type=click.IntRange(1), help="Only this one [default: the open proposal].")
@pass_run
def accept(run: Run, model: str, proposal: int | None) -> None:
    """Do what the loop proposes: queue the retrain, or roll back."""
    run.home.registry.champion(model)
    done = accepting.accept(run.home, model, by=this_user(), proposal_id=proposal)
    facts = {"model": model, "proposal": done.proposal.id, "action": done.proposal.action}
    record = {"proposal": done.proposal.id, "action": done.proposal.action, "champion": done.champion}
    run.record("accept", model, {**record, "job": done.job.id if done.job else None})
    if done.job is not None:
        queued = f"Job {done.job.id} (retrain {model}) is {done.job.status}. Next: {run.hint('worker', '--once')}"
        run.emit({**facts, "job": done.job.id, "status": done.job.status}, queued)
        return
    version = done.champion or run.home.registry.champion(model).version
    run.emit({**facts, "champion": version}, f"{model}@{version} is the champion again.")


@click.command()
@click.argument("model")
@click.option("--proposal", type=click.IntRange(1), help="Only this one [default: the open proposal].")
@click.option("--reason", default="", help="Why, for the record.")
@pass_run
def decline(run: Run, model: str, proposal: int | None, reason: str) -> None:
    """Say no to what the loop proposes; it comes again after new labels."""
    ended = accepting.decline(run.home, model, by=this_user(), reason=reason, proposal_id=proposal)
    facts = {"proposal": ended.id, "action": ended.action}
    run.record("decline", model, {**facts, "reason": reason})
    after = f"It is proposed again after {run.home.config.labels.min_texts} further texts are labelled"
    run.emit({"model": model, **facts}, f"Declined: {ended.action}. {after}, or after: {run.hint('resume', model)}")


@click.command()
@click.argument("model")
@click.option("--reason", default="", help="Why, for the record.")
@pass_run
def resume(run: Run, model: str, reason: str) -> None:
    """Let the loop try again after refused, failed, undone or declined retrains."""
    step = loop_orders.resume(run.home, model, by=this_user(), reason=reason)
    run.record("resume", model, {"reason": reason})
    after = "The next round of 'retune monitor' decides without what was refused or failed before."
    run.emit({"model": model, "resumed": as_stored(step)}, f"The loop of {model} may try again. {after}")
