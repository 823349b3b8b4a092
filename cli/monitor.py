"""`retune monitor`."""

from __future__ import annotations

import logging
import sys
from functools import partial
from typing import TYPE_CHECKING

import click

from cli.context import Run, info, pass_run, stopped_by_signal
from core.isolated import sentence_of
from core.stored import as_stored

if TYPE_CHECKING:
    from monitoring.round import Checked


@click.command()
@click.option("--once", is_flag=True, help="One round over all models, for cron and CronJobs.")
@click.option("--model", help="Only this model [default: every model with a champion].")
@pass_run
def monitor(run: Run, once: bool, model: str | None) -> None:
    """Check recent traffic for drift, decide what to do, and erase predictions older than ledger.keep_days."""
    from lifecycle.respond import respond
    from monitoring.round import Monitor

    rounds = Monitor(
        run.home,
        respond,
        only=model,
        on_checked=partial(_emit_checked, run),
        on_problem=_print_problem,
        on_erased=lambda count: info(f"Predictions older than {run.config.ledger.keep_days} days erased: {count}."),
    )
    is_well = rounds.run(once=once, stop=stopped_by_signal())
    if once and not is_well:
        sys.exit(1)


def _print_problem(name: str, error: BaseException) -> None:
    logging.debug("%s", name, exc_info=error)
    info(f"{name}: {sentence_of(error)}")


def _emit_checked(run: Run, checked: Checked) -> None:
    check, decision = checked.check, checked.decision
    run.emit(
        {"model": checked.model, "check": as_stored(check), "decision": as_stored(decision)},
        f"{checked.model}@{check.version}: {check.verdict.sentence}",
        f"Decision: {decision.sentence}. {decision.reason}",
    )
