"""Decides what to do after a check, records the decision, and fills the label queue if it requests labels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache, partial

from core.champion import ChampionPackage
from core.config import LabelsConfig
from core.engine import Engine
from core.home import Home
from core.labels import names_of
from core.ledger import Ledger
from core.records import Decision, DecisionRecord, Wanted
from lifecycle.evidence import different, minor_callers
from lifecycle.gate.comparison import compare
from lifecycle.gate.refused import Refused, last_refused
from lifecycle.labels.audit import audit
from lifecycle.labels.pools import pools_of
from lifecycle.labels.queue import choose
from lifecycle.policy.case import Case, LabelProgress, MeasuredAccuracy, PreviousVersion
from lifecycle.policy.policy import decide
from lifecycle.situation import Situation, assess

Engines = Callable[[], tuple[Engine, Engine]]
MOST_CALLERS = 3
"""Callers whose labels are left out in turn; for a roll back both versions then answer the others' texts."""


def respond(home: Home, champion: ChampionPackage) -> DecisionRecord:
    """Audit, decide, record the decision if it differs from the last one, and queue the label requests."""
    ledger, model = home.ledger, champion.model
    audit(home, champion)
    situation = assess(home, champion)
    engines = cache(partial(_engines, home, champion))
    case = _case(home, situation, engines)
    decision = _naming_sources(home, situation, _without_lone_caller(home, situation, case, engines))
    check_id = situation.check.id if situation.check else None
    if decision.action == "label" and (wanted := _wanted(home.config.labels, situation, case, decision.count)):
        ledger.request_labels(model, wanted, check_id=check_id)
    last = next(iter(ledger.decisions(model, limit=1)), None)
    if last and last.check_id == check_id and last.decision == decision:
        return last
    ledger.record_decision(model, decision, check_id=check_id)
    return ledger.decisions(model, limit=1)[0]


def _case(home: Home, situation: Situation, engines: Engines) -> Case:
    config, ledger = home.config, home.ledger
    readable = any(row.has_text for row in situation.window) or ledger.label_requests(situation.model)
    return Case(
        model=situation.model,
        version=situation.version,
        verdict=situation.check.verdict if situation.check else None,
        labels=_labels(situation, ledger),
        measured=_measured(situation),
        budget=config.labels.budget,
        available=len(_rows_to_label(situation, config.labels)),
        alpha=config.gate.alpha,
        previous=_previous(home, situation, engines),
        refused=_asked_once(last_refused(home, situation), ledger),
        texts_are_kept=bool(readable) or not situation.window,
        min_texts=config.labels.min_texts,
    )


def _without_lone_caller(home: Home, situation: Situation, case: Case, engines: Engines) -> Decision:
    """The decision of the case; `watch` instead of a retrain or a roll back that one caller alone would cause."""
    decision = decide(case)
    if decision.action not in ("retrain", "roll back"):
        return decision
    for key in minor_callers(situation.labelled, situation.window)[:MOST_CALLERS]:
        others = replace(situation, labelled=[row for row in situation.labelled if row.key != key])
        without = replace(
            case,
            measured=_measured(others),
            previous=_previous(home, others, engines),
            refused=last_refused(home, others),
        )
        if decide(without).action != decision.action:
            caller = f"API key {key!r}" if key else "requests without an API key"
            why = f"Only labels of {caller} show this, and at most half of the recent texts have this caller"
            return Decision("watch", f"{decision.reason} {why}, so the decision is not {decision.action!r}.")
    return decision


def _naming_sources(home: Home, situation: Situation, decision: Decision) -> Decision:
    """With the sources whose labels count for nothing."""
    kind, trust = situation.champion.kind, home.config.labels.trust
    aside = home.ledger.sources_set_aside(situation.model, kind=kind, trust=trust)
    notes = [f"Labels of source {source!r} are set aside: {reason}." for source, reason in aside.items()]
    return replace(decision, reason=" ".join([decision.reason, *notes]))


def _labels(situation: Situation, ledger: Ledger) -> LabelProgress:
    """Counts all requests since the drift began: labelling takes longer than the time between two checks."""
    found = ledger.label_progress(situation.model, situation.version, after=situation.fresh_after)
    is_of_this_check = situation.check is not None and found.check_id == situation.check.id
    is_comparing = any(row.purpose == "compare" for row in ledger.label_requests(situation.model))
    return LabelProgress(
        found.requested, found.still_open, is_of_this_check, is_comparing, found.cannot_tell, found.expired
    )


def _measured(situation: Situation) -> MeasuredAccuracy:
    fresh = different(row for row in situation.labelled if row.number > situation.fresh_after)
    measure, _ = pools_of(fresh)
    kind = situation.champion.kind
    unknown = [names for row in fresh if (names := set(names_of(row.label, kind)) - situation.labels)]
    return MeasuredAccuracy(
        rows=len(measure),
        correct=sum(row.predicted == row.label for row in measure),
        expected=situation.champion.reference_accuracy,
        unknown_labels=tuple(sorted(set().union(*unknown))),
        unknown_texts=len(unknown),
    )


def _asked_once(refused: Refused | None, ledger: Ledger) -> Refused | None:
    """Without texts whose request expired. Those of an earlier lot come last: the next lot has other ones."""
    if refused is None or not refused.open:
        return refused
    model = refused.record.model
    asked = {row.prediction_id for row in ledger.label_requests(model) if row.purpose == "compare"}
    expired = ledger.expired_requests(model)
    still_open = (key for key in refused.open if key not in expired)
    return replace(refused, open=tuple(sorted(still_open, key=asked.__contains__)))


def _wanted(settings: LabelsConfig, situation: Situation, case: Case, count: int | None) -> list[Wanted]:
    """New label requests; none while earlier ones of the same kind are open."""
    if case.refused is not None and case.refused.open and case.refused.verdict.labels_needed:
        if case.labels.is_comparing and case.labels.is_awaited:
            return []
        return [Wanted(key, "compare") for key in case.refused.open[:count]]
    if case.labels.is_awaited:
        return []
    return _rows_to_label(situation, settings.model_copy(update={"budget": count}))


def _rows_to_label(situation: Situation, settings: LabelsConfig) -> list[Wanted]:
    seed = situation.check.id if situation.check else 0
    answered = situation.labelled_keys | situation.untold_keys
    return choose(situation.window, labelled=answered, settings=settings, seed=seed)


def _previous(home: Home, situation: Situation, engines: Engines) -> PreviousVersion | None:
    """None without a previous version, or with too few labelled rows since the promotion."""
    champion = situation.champion
    if not champion.pointer.previous:
        return None
    # Only rows since the last promotion: this version may have been the champion before.
    promoted_after = home.ledger.promoted_after(champion.model, champion.version)
    measure, _ = pools_of(row for row in situation.labelled if row.has_text and row.number > promoted_after)
    measure = different(measure)
    if len(measure) < max(home.config.gate.min_rows, home.config.labels.min_texts):
        return None
    rows = [row.example for row in measure]
    return PreviousVersion(champion.pointer.previous[-1], compare(*engines(), rows, situation.taxonomy))


def _engines(home: Home, champion: ChampionPackage) -> tuple[Engine, Engine]:
    """Those of the champion and of the version before it."""
    previous = home.registry.verified_folder(champion.model, champion.pointer.previous[-1])
    return Engine(champion.folder), Engine(previous)
