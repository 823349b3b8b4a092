"""`retune monitor`."""

from __future__ import annotations

import logging
import sys
from contextlib import closing
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

import click

from cli.beside import tell_of_supervisor
from cli.change_lines import change_lines
from cli.context import Run, info, pass_run, stopped_by_signal
from cli.dashboards import serve_dashboards
from cli.loop_lines import told_step
from core.champion import read_champion
from core.clock import moment
from core.errors import NoModels, NothingToWatch, RetuneError
from core.example_texts import texts_of
from core.home_processes.beating import beating
from core.isolated import isolated, sentence_of
from core.ledger_tables.guards import Guard
from core.registry import Registry
from core.stored import as_stored

if TYPE_CHECKING:
    from monitoring.round import Checked


@click.group(invoke_without_command=True)
@click.option("--once", is_flag=True, help="One round over all models, for cron and CronJobs.")
@click.option("--model", help="Only this model [default: every model with a champion].")
@click.option("--ui", is_flag=True, help="Serve the Evidently dashboards of past checks instead, until Ctrl-C.")
@click.option("--port", default=8000, show_default=True, type=click.IntRange(1, 65535), help="With --ui.")
@pass_run
@click.pass_context
def monitor(context: click.Context, run: Run, once: bool, model: str | None, ui: bool, port: int) -> None:
    """Check recent traffic for drift, decide what to do, and erase predictions older than ledger.keep_days."""
    if ui:
        serve_dashboards(run, port=port)
    if context.invoked_subcommand is None:
        _monitor(run, once=once, model=model)


@monitor.command("backtest")
@click.argument("name")
@click.option("--since", type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"]), required=True, help="From when, UTC.")
@pass_run
def backtest_command(run: Run, name: str, since: datetime) -> None:
    """Replay the recorded traffic of NAME's champion: the alarms that today's settings would have raised."""
    from monitoring.backtest import backtest

    champion = read_champion(run.home.registry, name)
    replayed = list(backtest(run.home, champion, since=since.replace(tzinfo=UTC)))
    alarms = [check for check in replayed if check.alarms]
    run.emit(
        {
            "model": name,
            "version": champion.version,
            "checks": [as_stored(check) for check in replayed],
            "alarms": [check.at for check in alarms],
        },
        f"{name}@{champion.version}: {len(replayed)} checks, {len(alarms)} alarms.",
        *(f"{moment(check.at)}: {check.verdict.sentence}" for check in alarms),
    )


def _monitor(run: Run, *, once: bool, model: str | None) -> None:
    tell_of_supervisor(run, "monitor")
    registry, problem = run.home.registry, None
    with isolated(lambda _error: None):  # a round tells what else is wrong with the registry
        problem = _problem(registry) if model is None else None
    if problem and not once:
        info(str(problem))
    from lifecycle.act import respond_and_act
    from lifecycle.release.guard import ChampionGuard
    from monitoring.round import Monitor

    guard = ChampionGuard(run.home)

    rounds = Monitor(
        run.home,
        respond_and_act,
        only=model,
        on_checked=partial(_emit_checked, run),
        on_problem=partial(_emit_problem, run),
        on_erased=lambda count: info(f"Predictions older than {run.config.ledger.keep_days} days erased: {count}."),
        look=guard.look,
        on_guarded=partial(_emit_guard, run),
    )
    with beating(run.home, "monitor"), closing(guard):
        is_well = rounds.run(once=once, stop=stopped_by_signal())
    if once and problem:  # only now: what has expired is erased in any case
        raise problem
    if once and not is_well:
        sys.exit(1)


def _problem(registry: Registry) -> RetuneError | None:
    """Why there is nothing to check; a server may get its first champion later."""
    try:
        models = registry.require_any()
    except NoModels as error:
        return error
    is_served = any(registry.readable_pointer(model) for model in models)
    return None if is_served else NothingToWatch(models, registry.place)


def _emit_problem(run: Run, name: str, error: BaseException) -> None:
    logging.debug("%s", name, exc_info=error)
    info(f"{name}: {sentence_of(error)}")
    if run.as_json:
        code = error.code if isinstance(error, RetuneError) else "internal"
        run.emit({"model": name, "error": {"code": code, "message": sentence_of(error)}})


def _emit_guard(run: Run, guard: Guard) -> None:
    said = f"the guard ended, {guard.ended}: {guard.reason}"
    if guard.ended_at is None:
        said = f"there is no way back to the version before; see 'retune incidents {guard.model}'."
    run.emit({"model": guard.model, "guard": as_stored(guard)}, f"{guard.model}@{guard.version}: {said}")


def _emit_checked(run: Run, checked: Checked) -> None:
    check, decision, texts = checked.check, checked.decision, {}
    earlier = [as_stored(one) for one in checked.earlier]
    with isolated(lambda _error: None):  # the check is recorded; its examples only illustrate it
        texts = texts_of(run.home.ledger.database, check.verdict.changes)
    facts = {"model": checked.model, "check": as_stored(check), "decision": as_stored(decision)}
    step = next(iter(run.home.ledger.loop_steps.latest(checked.model, limit=1)), None)
    run.emit(
        {**facts, "step": as_stored(step) if step else None, "earlier": earlier, "examples": texts},
        *(f"{checked.model}@{one.version}, missed: {one.verdict.sentence}" for one in checked.earlier),
        f"{checked.model}@{check.version}: {check.verdict.sentence}",
        *change_lines(check.verdict, texts),
        f"Decision: {decision.sentence}. {decision.reason}",
        *([told_step(step, run.hint)] if step and step.did != "nothing" else []),
    )
