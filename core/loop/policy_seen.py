"""Changes of a model's policy in the audit: an entry when a process first sees another one than was last recorded."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from typing import Any

from core.audit.entries import Actor, Audit, AuditEntry, Via
from core.clock import utc_now
from core.config import Config, LabelsConfig
from core.errors import Unavailable
from core.home import Home
from core.policy_config import PolicyConfig
from core.stored import as_stored

LOG = logging.getLogger(__name__)
CONFIG = "config"
Facts = Mapping[str, Any]


def note_policies(home: Home, models: Iterable[str], via: Via) -> None:
    """Record the policies that differ from the last recorded one; of a model without a record, from the default.

    It makes no ledger, and one that is away stops nothing: the process that starts next notes them.
    """
    try:
        database = home.ledger.database
        if database.exists():
            for model in models:
                _note(Audit(database), model, effective(home.config, model), via)
    except Unavailable as error:
        LOG.warning("A change of a policy may be missing in the audit: %s", error)


def effective(config: Config, model: str) -> dict[str, Any]:
    """The policy of a model as it is recorded."""
    policy: dict[str, Any] = as_stored(config.policy.of(model, min_texts=config.labels.min_texts))
    return policy


def changes_in_words(before: Facts, now: Facts) -> str:
    """
    >>> changes_in_words({"mode": "ask", "stop_after": 3}, {"mode": "auto", "stop_after": 3, "quiet": [0, 60]})
    'mode ask → auto; quiet none → 0-60'
    """
    moved = [key for key in now if before.get(key) != now[key]]
    return "; ".join(f"{key} {_shown(before.get(key))} → {_shown(now[key])}" for key in moved)


def _note(audit: Audit, model: str, now: Facts, via: Via) -> None:
    by_default: Facts = as_stored(PolicyConfig().of(model, min_texts=LabelsConfig().min_texts))

    def before(last: AuditEntry | None) -> Facts:
        return last.facts.get("policy", by_default) if last else by_default

    last = next(iter(audit.latest(model, actions=["policy"], limit=1)), None)
    facts = {"changed": changes_in_words(before(last), now), "policy": dict(now)}
    row = {**vars(Actor(CONFIG, via)), "created_at": utc_now(), "action": "policy", "model": model, "facts": facts}
    audit.add_unless(row, lambda found: before(found) == now)


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return "-".join(map(str, value)) or "none"
    return "none" if value is None else str(value)
