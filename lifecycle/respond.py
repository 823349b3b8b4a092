"""Decides what to do after a check, records the decision, and fills the label queue if it requests labels."""

from __future__ import annotations

from dataclasses import replace
from functools import cache, partial

from core.champion import ChampionPackage
from core.home import Home
from core.ledger import Ledger
from core.records import Decision, DecisionRecord
from lifecycle.drawn import situation_of
from lifecycle.evidence import minor_callers
from lifecycle.facts import Engines, apart_from_drift, both_engines, case_of, measured_accuracy, previous_version
from lifecycle.gate.refused import last_refused
from lifecycle.labels.audit import audit
from lifecycle.policy.case import Case
from lifecycle.policy.policy import decide
from lifecycle.requests import request, wanted_labels, with_cost
from lifecycle.situation import Situation
from lifecycle.standing import standing_accuracy

MOST_CALLERS = 3
"""Callers whose labels are left out in turn; for a roll back both versions then answer the others' texts."""


def respond(home: Home, champion: ChampionPackage) -> DecisionRecord:
    """Audit, decide, record the decision if it differs from the last one, and queue the label requests."""
    ledger, model = home.ledger, champion.model
    audit(home, champion)
    situation = situation_of(home, champion)
    engines = cache(partial(both_engines, home, champion))
    case = case_of(home, situation, engines)
    decision = _naming_sources(home, situation, _without_lone_caller(home, situation, case, engines))
    check_id = situation.check.id if situation.check else None
    if decision.action == "label":
        if wanted := wanted_labels(home.config.labels, situation, case, decision):
            request(ledger, situation, wanted, check_id)
        decision = with_cost(decision, ledger.label_requests(model))
    recorded = _recorded(ledger, model, decision, check_id)
    ledger.standings.record(model, situation.version, standing_accuracy(case))
    return recorded


def _recorded(ledger: Ledger, model: str, decision: Decision, check_id: int | None) -> DecisionRecord:
    last = next(iter(ledger.decisions(model, limit=1)), None)
    if last and last.check_id == check_id and last.decision == decision:
        return last
    ledger.record_decision(model, decision, check_id=check_id)
    return ledger.decisions(model, limit=1)[0]


def _without_lone_caller(home: Home, situation: Situation, case: Case, engines: Engines) -> Decision:
    """The decision of the case; `watch` instead of a retrain or a roll back that one caller alone would cause."""
    decision = decide(case)
    if decision.action not in ("retrain", "roll back"):
        return decision
    for key in minor_callers(situation.labelled, situation.recent)[:MOST_CALLERS]:
        others = _without_caller(situation, key)
        without = replace(
            case,
            measured=measured_accuracy(others),
            previous=previous_version(home, others, engines),
            refused=last_refused(home, others),
            **apart_from_drift(others, case.min_texts),
        )
        if decide(without).action != decision.action:
            caller = f"API key {key!r}" if key else "requests without an API key"
            why = f"Only labels of {caller} show this, and at most half of the recent texts have this caller"
            return Decision("watch", f"{decision.reason} {why}, so the decision is not {decision.action!r}.")
    return decision


def _without_caller(situation: Situation, key: str | None) -> Situation:
    return replace(
        situation,
        labelled=[row for row in situation.labelled if row.key != key],
        recent=[row for row in situation.recent if row.key != key],
        draws=[row for row in situation.draws if row.key != key],
    )


def _naming_sources(home: Home, situation: Situation, decision: Decision) -> Decision:
    """With the sources whose labels count for nothing."""
    kind, trust = situation.champion.kind, home.config.labels.trust
    aside = home.ledger.sources_set_aside(situation.model, kind=kind, trust=trust)
    notes = [f"Labels of source {source!r} are set aside: {reason}." for source, reason in aside.items()]
    return replace(decision, reason=" ".join([decision.reason, *notes]))
