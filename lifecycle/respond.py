"""From the state of a model's ledger to a recorded decision and, if it asks for labels, a queue."""

from __future__ import annotations

from datetime import datetime

from core.champion import ChampionPackage
from core.clock import earliest_id
from core.config import Config, LabelsConfig
from core.datasets import is_held_out
from core.engine import Engine
from core.home import Home
from core.labels import names_of
from core.ledger import Ledger
from core.records import Decision, DecisionRecord, Purpose
from lifecycle.gate.judge import compare
from lifecycle.labels.queue import NO_TEXTS, choose
from lifecycle.policy.policy import Labels, Measured, decide
from lifecycle.situation import Situation, assess


def respond(home: Home, champion: ChampionPackage) -> DecisionRecord:
    """Decide, record the decision if it differs from the last one, and queue the labels it asks for."""
    ledger, config, model = home.ledger, home.config, champion.model
    situation = assess(home, champion)
    labels = _labels(situation, ledger)
    decision = (
        _roll_back(home, situation) or _after_refusal(situation, ledger) or _decide(situation, labels, config=config)
    )
    decision = _told_why_nothing_is_asked(decision, situation, ledger)
    check_id = situation.check.id if situation.check else None
    if decision.action == "label" and not labels.still_open:
        budget = config.labels.model_copy(update={"budget": decision.count})
        ledger.request_labels(model, _wanted(situation, budget), check_id=check_id)
    last = next(iter(ledger.decisions(model, limit=1)), None)
    if last and last.check_id == check_id and last.decision == decision:
        return last
    ledger.record_decision(model, decision, check_id=check_id)
    return ledger.decisions(model, limit=1)[0]


def _labels(situation: Situation, ledger: Ledger) -> Labels:
    """Since the drift began, whichever of the checks that found it asked for them: people label for longer than it
    takes until the next check.
    """
    asked, answered, by = ledger.label_progress(situation.model, situation.version, after=situation.fresh_after)
    is_of_this_check = situation.check is not None and by == situation.check.id
    return Labels(asked=asked, still_open=asked - answered, is_of_this_check=is_of_this_check)


def _decide(situation: Situation, labels: Labels, *, config: Config) -> Decision:
    return decide(
        situation.check.verdict if situation.check else None,
        labels,
        _measured(situation),
        budget=config.labels.budget,
        available=len(_wanted(situation, config.labels)),
    )


def _told_why_nothing_is_asked(decision: Decision, situation: Situation, ledger: Ledger) -> Decision:
    """Of texts that are not kept no labels are asked for: the decision is to watch, and says so."""
    readable = any(row.has_text for row in situation.window) or ledger.label_requests(situation.model)
    if decision.action not in ("label", "watch") or readable or not situation.window:
        return decision
    return Decision("watch", f"{decision.reason} {NO_TEXTS}")


def _measured(situation: Situation) -> Measured:
    fresh = [row for row in situation.labelled if row.prediction_id > situation.fresh_after]
    held_out = [row for row in fresh if row.only_measures]
    names = {name for row in fresh for name in names_of(row.label, situation.champion.kind)}
    return Measured(
        rows=len(held_out),
        correct=sum(row.predicted == row.label for row in held_out),
        expected=situation.champion.reference_accuracy,
        unknown_labels=tuple(sorted(names - set(situation.champion.labels))),
    )


def _wanted(situation: Situation, settings: LabelsConfig) -> list[tuple[str, Purpose]]:
    seed = situation.check.id if situation.check else 0
    return choose(situation.window, labelled=situation.labelled_keys, settings=settings, seed=seed)


def _after_refusal(situation: Situation, ledger: Ledger) -> Decision | None:
    """A challenger that the gate refused is not trained again on the same labels."""
    # What people promoted or put back since says nothing of the challenger.
    judged = (row for row in ledger.promotions(situation.model) if row.gate is not None or not row.promoted)
    last = next(judged, None)
    if last is None or last.promoted or last.previous != situation.version:
        return None
    if any(row.labelled_at > last.created_at for row in situation.labelled):
        return None
    needed = last.gate.verdict.labels_needed if last.gate else None
    reason = f"The gate refused {situation.model}@{last.version}: {last.reason}"
    return Decision("label", reason, needed) if needed else Decision("watch", reason)


def _roll_back(home: Home, situation: Situation) -> Decision | None:
    """`roll back` when the version before is shown to answer the fresh labelled rows better."""
    model, champion, gate = situation.model, situation.champion, home.config.gate
    previous = champion.pointer.previous
    # An earlier time of this version in service says nothing of the change that is to be taken back.
    since = earliest_id(datetime.fromisoformat(champion.pointer.since).timestamp())
    labelled = [row for row in situation.labelled if row.has_text and row.prediction_id > since]
    rows = [row.example for row in labelled if is_held_out(row.example.input)]
    if not previous or len(rows) < gate.min_rows:
        return None
    earlier = Engine(home.registry.verified_folder(model, previous[-1]))
    now = Engine(champion.folder)
    comparison = compare(now, earlier, rows)
    if comparison.p_value > gate.alpha:
        return None
    return Decision(
        "roll back",
        f"{model}@{previous[-1]} answers {comparison.challenger_accuracy:.1%} of {comparison.rows} labelled rows since "
        f"the promotion right, {model}@{situation.version} {comparison.champion_accuracy:.1%}.",
    )
