"""An entry of the audit in words, for commands and pages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.audit.entries import Action

DONE: dict[Action, str] = {
    "register": "registered",
    "delete": "deleted",
    "promote": "promoted",
    "roll_back": "rolled back",
    "undo_promotion": "undid a promotion",
    "retrain": "asked for a retrain",
    "accept": "accepted a proposal",
    "decline": "declined a proposal",
    "resume": "let the loop try again",
    "freeze": "froze the champion",
    "unfreeze": "ended a freeze",
    "cancel_job": "cancelled a job",
    "give_labels": "gave labels",
    "import_labels": "imported labels",
    "retract_labels": "took labels back",
    "add_rows": "added rows",
    "remove_rows": "removed rows",
    "label_rule": "changed the labels",
    "add_key": "added a key",
    "revoke_key": "revoked a key",
    "forget": "erased predictions",
    "policy": "changed the policy",
}


def done_words(action: Action) -> str:
    """What was done. An action of a newer release keeps its name.

    >>> done_words("roll_back")
    'rolled back'
    """
    return DONE.get(action, action.replace("_", " "))


def facts_in_words(facts: Mapping[str, Any]) -> str:
    """What is a table of its own is left out.

    >>> facts_in_words({"version": "2", "before": None, "reason": "", "scopes": ["predict", "admin"]})
    'version 2, scopes predict+admin'
    """
    shown = {name: "+".join(map(str, value)) if isinstance(value, list) else value for name, value in facts.items()}
    told = {name: value for name, value in shown.items() if value not in (None, "") and not isinstance(value, dict)}
    return ", ".join(f"{name} {value}" for name, value in told.items())
