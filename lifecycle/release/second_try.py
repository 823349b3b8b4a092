"""A version that the guard rolled back is not put in service again by itself before labels came that may change it."""

from __future__ import annotations

from dataclasses import replace

from core.home import Home
from core.ledger_tables.incidents import Incident, Incidents
from core.ledger_tables.label_sources import text_key
from core.records import GateVerdict


def hold_if_rolled_back(home: Home, model: str, version: str, verdict: GateVerdict) -> GateVerdict:
    """`hold` for the same version before `labels.min_texts` more texts have labels."""
    incident = Incidents(home.ledger.database).last_rollback(model, version)
    if incident is None:
        return verdict
    needed, given = home.config.labels.min_texts, texts_since(home, incident)
    if given >= needed:
        return verdict
    reason = (
        f"The guard rolled {model}@{version} back at {incident.created_at[:16]} UTC: {incident.reason} "
        f"Of the {needed} texts labelled since that another try needs (labels.min_texts), {given} are there."
    )
    return replace(verdict, answer="hold", reason=reason, labels_needed=needed - given)


def texts_since(home: Home, incident: Incident) -> int:
    """Number of different texts that got a label after an incident."""
    rows = home.ledger.labelled(incident.model, counting=home.config.labels.counting)
    return len({text_key(row) for row in rows if row.label_number > incident.after_label})
