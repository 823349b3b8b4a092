"""The label queue of a decision: which texts it asks for, and what stays asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from core.champion import ChampionPackage
from core.config import LabelsConfig
from core.home import Home
from core.ledger import Ledger
from core.records import Decision, LabelRequest, Wanted
from lifecycle.labels.audit import draw, without_label
from lifecycle.labels.groups import cost, grouped
from lifecycle.labels.queue import choose
from lifecycle.policy.case import Case
from lifecycle.situation import Situation, assess


def request(ledger: Ledger, situation: Situation, wanted: Sequence[Wanted], check_id: int | None) -> None:
    """Keep what is drawn at random, and request the labels that are not there."""
    measure = [one for one in wanted if one.purpose == "measure"]
    there = {one.prediction_id for one in measure} - unlabelled_ids(situation, measure)
    if measure:
        last = max([*situation.recent, *situation.window], key=lambda row: row.number)
        ledger.draws.record(
            situation.model, situation.version, measure, until_number=last.number, until=last.created_at
        )
    ask = [one for one in wanted if one.prediction_id not in there]
    ledger.request_labels(situation.model, ask, check_id=check_id)


def ask_for_missing(home: Home, champion: ChampionPackage, missing: int, check_id: int | None) -> None:
    """Ask for labels of so many further texts to train on, less those whose labels are asked for already."""
    ledger, settings = home.ledger, home.config.labels
    count = min(missing - ledger.asked_labels(champion.model).still_open, settings.budget)
    if count <= 0:
        return
    rows = rows_to_label(assess(home, champion), settings.model_copy(update={"budget": count, "measure_share": 0.0}))
    ledger.request_labels(champion.model, rows, check_id=check_id)


def with_cost(decision: Decision, requests: Sequence[LabelRequest]) -> Decision:
    """With what the open requests cost, if texts are asked for together."""
    if not any(item.is_near for item in requests):
        return decision
    return replace(decision, reason=f"{decision.reason} Asked for: {cost(requests)}.")


def wanted_labels(settings: LabelsConfig, situation: Situation, case: Case, decision: Decision) -> list[Wanted]:
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
    rows = rows_to_label(situation, settings.model_copy(update={"budget": count}))
    reference, answered = situation.champion.reference, _answered(situation)
    return grouped(rows, situation.window, answered=answered, reference=reference)


def rows_to_label(situation: Situation, settings: LabelsConfig) -> list[Wanted]:
    seed = situation.check.id if situation.check else 0
    return choose(situation.window, labelled=_answered(situation), settings=settings, seed=seed)


def random_order(situation: Situation) -> list[Wanted]:
    """The recent held-out texts that were not drawn yet."""
    rows, settled = situation.recent, situation.untold_keys | {row.text_key for row in situation.draws}
    return draw(rows, len(rows), settled=settled, purpose="measure", seed=len(situation.draws))


def unlabelled_ids(situation: Situation, wanted: Sequence[Wanted]) -> set[str]:
    return without_label(wanted, [*situation.window, *situation.recent], situation.labelled_keys)


def _answered(situation: Situation) -> set[str]:
    return situation.labelled_keys | situation.untold_keys


def _lot(situation: Situation, count: int) -> list[Wanted]:
    """Random texts, of which so many have no label: without the others the lot would not stand for all texts."""
    every = random_order(situation)
    unlabelled = unlabelled_ids(situation, every)
    ends = [place for place, one in enumerate(every, 1) if one.prediction_id in unlabelled]
    lot = every[: ends[:count][-1]] if ends and count else []
    return [replace(one, chance=len(lot) / len(every)) for one in lot]
