"""Decides what to do after a check, records the decision, and fills the label queue if it requests labels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache, partial
from typing import TypedDict

from core.champion import ChampionPackage
from core.config import LabelsConfig
from core.engine import Engine
from core.home import Home
from core.labels import names_of
from core.ledger import Ledger
from core.records import Decision, DecisionRecord, LabelRequest, Wanted
from lifecycle.drawn import random_texts, situation_of, suspicion
from lifecycle.evidence import accuracy_of, different, minor_callers
from lifecycle.gate.comparison import compare
from lifecycle.gate.refused import Refused, last_refused
from lifecycle.labels.audit import audit, draw, without_label
from lifecycle.labels.groups import cost, grouped
from lifecycle.labels.pools import pools_of
from lifecycle.labels.queue import choose
from lifecycle.policy.case import Case, LabelProgress, MeasuredAccuracy, PreviousVersion, RandomTexts
from lifecycle.policy.policy import decide
from lifecycle.situation import Situation
from lifecycle.standing import standing_accuracy

Engines = Callable[[], tuple[Engine, Engine]]
MOST_CALLERS = 3
"""Callers whose labels are left out in turn; for a roll back both versions then answer the others' texts."""


def respond(home: Home, champion: ChampionPackage) -> DecisionRecord:
    """Audit, decide, record the decision if it differs from the last one, and queue the label requests."""
    ledger, model = home.ledger, champion.model
    audit(home, champion)
    situation = situation_of(home, champion)
    engines = cache(partial(_engines, home, champion))
    case = _case(home, situation, engines)
    decision = _naming_sources(home, situation, _without_lone_caller(home, situation, case, engines))
    check_id = situation.check.id if situation.check else None
    if decision.action == "label":
        if wanted := _wanted(home.config.labels, situation, case, decision):
            _request(ledger, situation, wanted, check_id)
        decision = _with_cost(decision, ledger.label_requests(model))
    recorded = _recorded(ledger, model, decision, check_id)
    ledger.standings.record(model, situation.version, standing_accuracy(case))
    return recorded


def _recorded(ledger: Ledger, model: str, decision: Decision, check_id: int | None) -> DecisionRecord:
    last = next(iter(ledger.decisions(model, limit=1)), None)
    if last and last.check_id == check_id and last.decision == decision:
        return last
    ledger.record_decision(model, decision, check_id=check_id)
    return ledger.decisions(model, limit=1)[0]


def _with_cost(decision: Decision, requests: Sequence[LabelRequest]) -> Decision:
    """With what the open requests cost, if texts are asked for together."""
    if not any(item.is_near for item in requests):
        return decision
    return replace(decision, reason=f"{decision.reason} Asked for: {cost(requests)}.")


def _request(ledger: Ledger, situation: Situation, wanted: Sequence[Wanted], check_id: int | None) -> None:
    """Keep what is drawn at random, and request the labels that are not there."""
    measure = [one for one in wanted if one.purpose == "measure"]
    there = {one.prediction_id for one in measure} - _unlabelled(situation, measure)
    if measure:
        last = max([*situation.recent, *situation.window], key=lambda row: row.number)
        ledger.draws.record(
            situation.model, situation.version, measure, until_number=last.number, until=last.created_at
        )
    ask = [one for one in wanted if one.prediction_id not in there]
    ledger.request_labels(situation.model, ask, check_id=check_id)


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
        loss_alpha=config.labels.loss_alpha,
        random_available=len(_unlabelled(situation, _random_order(situation))),
        **_apart_from_drift(situation, config.labels.min_texts),
    )


class _ApartFromDrift(TypedDict):
    random: RandomTexts
    suspicion: str | None
    teachable: int


def _apart_from_drift(situation: Situation, min_texts: int) -> _ApartFromDrift:
    """What labels show since the promotion."""
    random = random_texts(situation)
    since = (row for row in situation.labelled if row.has_text and row.number > situation.promoted_after)
    return {
        "random": random,
        "suspicion": suspicion(situation, random, min_texts=min_texts),
        "teachable": len({row.example.key for row in pools_of(since)[1]}),
    }


def _without_lone_caller(home: Home, situation: Situation, case: Case, engines: Engines) -> Decision:
    """The decision of the case; `watch` instead of a retrain or a roll back that one caller alone would cause."""
    decision = decide(case)
    if decision.action not in ("retrain", "roll back"):
        return decision
    for key in minor_callers(situation.labelled, situation.recent)[:MOST_CALLERS]:
        others = _without_caller(situation, key)
        without = replace(
            case,
            measured=_measured(others),
            previous=_previous(home, others, engines),
            refused=last_refused(home, others),
            **_apart_from_drift(others, case.min_texts),
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
        powered=accuracy_of(measure, situation.window),
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


def _wanted(settings: LabelsConfig, situation: Situation, case: Case, decision: Decision) -> list[Wanted]:
    """New label requests; none while earlier ones of the same kind are open."""
    count = decision.count
    if decision.purpose == "measure":
        return [] if case.random.lot.is_awaited else _lot(situation, count or 0)
    if case.refused is not None and case.refused.open and case.refused.verdict.labels_needed:
        if case.labels.is_comparing and case.labels.is_awaited:
            return []
        return [Wanted(key, "compare") for key in case.refused.open[:count]]
    if case.labels.is_awaited:
        return []
    rows = _rows_to_label(situation, settings.model_copy(update={"budget": count}))
    reference, answered = situation.champion.reference, _answered(situation)
    return grouped(rows, situation.window, answered=answered, reference=reference)


def _rows_to_label(situation: Situation, settings: LabelsConfig) -> list[Wanted]:
    seed = situation.check.id if situation.check else 0
    return choose(situation.window, labelled=_answered(situation), settings=settings, seed=seed)


def _answered(situation: Situation) -> set[str]:
    return situation.labelled_keys | situation.untold_keys


def _lot(situation: Situation, count: int) -> list[Wanted]:
    """Random texts, of which so many have no label: without the others the lot would not stand for all texts."""
    every = _random_order(situation)
    unlabelled = _unlabelled(situation, every)
    ends = [place for place, one in enumerate(every, 1) if one.prediction_id in unlabelled]
    lot = every[: ends[:count][-1]] if ends and count else []
    return [replace(one, chance=len(lot) / len(every)) for one in lot]


def _random_order(situation: Situation) -> list[Wanted]:
    """The recent held-out texts that were not drawn yet."""
    rows, settled = situation.recent, situation.untold_keys | {row.text_key for row in situation.draws}
    return draw(rows, len(rows), settled=settled, purpose="measure", seed=rows[-1].number) if rows else []


def _unlabelled(situation: Situation, wanted: Sequence[Wanted]) -> set[str]:
    return without_label(wanted, [*situation.window, *situation.recent], situation.labelled_keys)


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
