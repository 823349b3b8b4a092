"""What the commands print of a step of the loop."""

from __future__ import annotations

from collections.abc import Callable

from core.ledger_tables.loop_steps import LoopStep

TOLD = {
    "held": "Held back",
    "started": "Started",
    "proposed": "Proposed",
    "rolled back": "Rolled back",
    "failed": "Failed",
    "accepted": "Accepted",
    "declined": "Declined",
    "resumed": "Resumed",
    "frozen": "Frozen",
    "unfrozen": "Unfrozen",
}


def told_step(step: LoopStep, hint: Callable[..., str]) -> str:
    """`hint`: words of a command → the command as it can be pasted."""
    what = f"{TOLD.get(step.did, step.did)}{f' ({step.rule})' if step.did == 'held' else ''}"
    if step.did == "proposed":
        return f"{what}: {step.action}. To accept: {hint('accept', step.model)}"
    if step.did == "started":
        return f"{what}: job {step.job_id} ({step.action})."
    return f"{what}: {step.action}. {step.reason}"


def step_line(step: LoopStep) -> str:
    """One line of a list."""
    by = "" if step.by == "loop" else f" by {step.by}"
    job = f" (job {step.job_id})" if step.job_id else ""
    rule = f" [{step.rule}]" if step.rule else ""
    return " ".join(f"{step.did} {step.action}{job}{rule}{by}: {step.reason}".split())
