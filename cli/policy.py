"""`retune policy simulate`."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import click

from cli.context import Run, pass_run
from cli.loop_lines import step_line
from core.clock import stored_time
from core.config import load_config, overridden
from core.policy_config import ClockName, Mode, ModelPolicy, Policy
from core.stored import as_stored

if TYPE_CHECKING:
    from lifecycle.simulation.run import Simulated


@click.group()
def policy() -> None:
    """How far the loop goes by itself: try another policy on what was recorded."""


@policy.command("simulate")
@click.argument("model")
@click.option("--config", "other", type=click.Path(path_type=Path), help="The policy of this config file.")
@click.option("--mode", type=click.Choice(get_args(Mode)), help="As policy.mode.")
@click.option("--cooldown", help="As policy.cooldown, e.g. 2h.")
@click.option("--cpu-minutes-per-day", type=float, help="As policy.cpu_minutes_per_day.")
@click.option("--clock", type=click.Choice(get_args(ClockName)), help="As policy.clock.")
@click.option("--quiet-hours", help="As policy.quiet_hours, e.g. 22:00-06:00.")
@click.option("--retrain-days", help="As policy.retrain_days, with commas.")
@click.option("--retrain-labels", type=int, help="As policy.retrain_labels.")
@click.option("--stop-after", type=int, help="As policy.stop_after.")
@click.option("--since", type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"]), help="List from when, UTC.")
@pass_run
def simulate_command(run: Run, model: str, other: Path | None, since: datetime | None, **options: Any) -> None:
    """Replay the ledger of MODEL under another policy: what would have been started, proposed or held back.

    Without an option it is the policy of the config. Nothing is recorded.
    """
    from lifecycle.simulation.run import simulate

    tried = _policy(run, model, other, options)
    begin = stored_time(since) if since else ""
    found = simulate(run.home, model, tried, since=begin)
    counts = {did: sum(step.did == did for step in found.steps) for did in ("started", "proposed", "rolled back")}
    run.emit(
        {
            "model": model,
            "policy": asdict(tried),
            **{did.replace(" ", "_"): count for did, count in counts.items()},
            "cpu_s": found.cpu_s,
            "is_as_recorded": found.is_as_recorded,
            "likely_jobs": {str(number): job for number, job in found.likely.items()},
            "steps": [as_stored(step) for step in found.steps],
            "recorded": [as_stored(step) for step in found.recorded],
        },
        *_lines(model, tried, found, counts),
    )


def _policy(run: Run, model: str, other: Path | None, options: dict[str, Any]) -> Policy:
    run.home.registry.champion(model)
    config = run.config if other is None else load_config(other)
    own = overridden(config.policy.models.get(model, ModelPolicy()), options, source="the options")
    merged = config.policy.model_copy(update={"models": {model: own}})
    return merged.of(model, min_texts=config.labels.min_texts)


def _lines(model: str, tried: Policy, found: Simulated, counts: dict[str, int]) -> list[str]:
    told = ", ".join(f"{count} {did}" for did, count in counts.items())
    lines = [f"{step.created_at[:19]}  {step_line(step)}{_likely(step.job_id, found.likely)}" for step in found.steps]
    same = "These are the recorded steps." if found.is_as_recorded else "The recorded steps differ."
    cost = f"about {found.cpu_s / 60:.1f} CPU minutes"
    return [*lines, f"{model}, mode {tried.mode}: {told}, {cost}. {same}"]


def _likely(number: int | None, likely: dict[int, int]) -> str:
    """What is assumed of a job that was not recorded."""
    if number not in likely:
        return ""
    job = likely[number]
    return f" (assumed to end as the recorded job {job})" if job else " (how it ends is not known)"
