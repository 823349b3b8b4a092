"""What the ledger holds of a model that limits the loop."""

from __future__ import annotations

from core.home import Home
from core.labels import Kind
from core.ledger_tables.guards import Guards
from core.ledger_tables.loop_steps import RETRAIN, Did
from lifecycle.policy.history import LabelledText, Records

LATEST = 200
"""Jobs, promotions and steps that a round reads, the latest ones."""
_LAST: tuple[Did, ...] = ("resumed", "accepted", "declined")


def read_records(home: Home, model: str, *, kind: Kind, limit: int = LATEST) -> Records:
    """The latest `limit` of each; the last step in which a person accepted, declined or let it go on is among them."""
    steps = home.ledger.loop_steps.latest(model, limit=limit)[::-1]
    asked = (home.ledger.loop_steps.last(model, did) for did in _LAST)
    earlier = [step for step in asked if step is not None and step not in steps]
    steps = sorted([*earlier, *steps], key=lambda step: step.id)
    return Records(
        jobs=[job for job in home.jobs.latest(model, limit=limit)[::-1] if job.kind == RETRAIN],
        promotions=home.ledger.promotions(model, limit=limit)[::-1],
        steps=steps,
        texts=labelled_texts(home, model, kind=kind),
        guards=Guards(home.ledger.database).latest(model, limit=limit) if home.config.guard.enabled else [],
    )


def labelled_texts(home: Home, model: str, *, kind: Kind) -> list[LabelledText]:
    """Each text at its first label, in that order."""
    first: dict[str, LabelledText] = {}
    for key, number, at in home.ledger.label_times(model, kind=kind):
        first.setdefault(key, LabelledText(number, at))
    return list(first.values())
