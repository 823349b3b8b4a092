"""The facts that the policy decides by, read from a situation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypedDict

from core.champion import ChampionPackage
from core.engine import Engine
from core.home import Home
from core.labels import names_of
from core.ledger import Ledger
from lifecycle.drawn import random_texts, suspicion
from lifecycle.evidence import accuracy_of, different
from lifecycle.gate.comparison import compare
from lifecycle.gate.refused import Refused, last_refused
from lifecycle.labels.pools import pools_of
from lifecycle.policy.case import Case, LabelProgress, MeasuredAccuracy, PreviousVersion, RandomTexts
from lifecycle.requests import random_order, rows_to_label, unlabelled_ids
from lifecycle.situation import Situation

Engines = Callable[[], tuple[Engine, Engine]]


def case_of(home: Home, situation: Situation, engines: Engines) -> Case:
    config, ledger = home.config, home.ledger
    readable = any(row.has_text for row in situation.window) or ledger.label_requests(situation.model)
    return Case(
        model=situation.model,
        version=situation.version,
        verdict=situation.check.verdict if situation.check else None,
        labels=_labels(situation, ledger),
        measured=measured_accuracy(situation),
        budget=config.labels.budget,
        available=len(rows_to_label(situation, config.labels)),
        alpha=config.gate.alpha,
        previous=previous_version(home, situation, engines),
        refused=_asked_once(last_refused(home, situation), ledger),
        texts_are_kept=bool(readable) or not situation.window,
        min_texts=config.labels.min_texts,
        loss_alpha=config.labels.loss_alpha,
        random_available=len(unlabelled_ids(situation, random_order(situation))),
        **apart_from_drift(situation, config.labels.min_texts),
    )


class _ApartFromDrift(TypedDict):
    random: RandomTexts
    suspicion: str | None
    teachable: int


def apart_from_drift(situation: Situation, min_texts: int) -> _ApartFromDrift:
    """What labels show since the promotion."""
    random = random_texts(situation)
    since = (row for row in situation.labelled if row.has_text and row.number > situation.promoted_after)
    return {
        "random": random,
        "suspicion": suspicion(situation, random, min_texts=min_texts),
        "teachable": len({row.example.key for row in pools_of(since)[1]}),
    }


def measured_accuracy(situation: Situation) -> MeasuredAccuracy:
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


def previous_version(home: Home, situation: Situation, engines: Engines) -> PreviousVersion | None:
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


def both_engines(home: Home, champion: ChampionPackage) -> tuple[Engine, Engine]:
    """Those of the champion and of the version before it."""
    previous = home.registry.verified_folder(champion.model, champion.pointer.previous[-1])
    return Engine(champion.folder), Engine(previous)


def _labels(situation: Situation, ledger: Ledger) -> LabelProgress:
    """Counts all requests since the drift began: labelling takes longer than the time between two checks."""
    found = ledger.label_progress(situation.model, situation.version, after=situation.fresh_after)
    is_of_this_check = situation.check is not None and found.check_id == situation.check.id
    is_comparing = any(row.purpose == "compare" for row in ledger.label_requests(situation.model))
    return LabelProgress(
        found.requested, found.still_open, is_of_this_check, is_comparing, found.cannot_tell, found.expired
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
