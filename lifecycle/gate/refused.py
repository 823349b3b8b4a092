"""The champion's last challenger that the gate refused, judged again with the labels of today."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from core.config import Config
from core.home import Home
from core.ledger_tables.label_sources import text_key
from core.records import GateVerdict, PromotionRecord
from lifecycle.gate.disagreements import labels_of, tellable
from lifecycle.gate.judge import judge
from lifecycle.gate.trial import tried_again
from lifecycle.situation import Situation


@dataclass(frozen=True)
class Refused:
    """`verdict`: with the labels of today; `open`: predictions that the versions answer differently, without a label,
    in the order in which labels are requested; `new_texts`: texts labelled since, other than these.
    """

    record: PromotionRecord
    verdict: GateVerdict
    open: tuple[str, ...] = ()
    new_texts: int = 0


def last_refused(home: Home, situation: Situation) -> Refused | None:
    """None if the gate promoted the last challenger, or if it compared with another champion."""
    # Promotions by people have no gate record and are skipped.
    record = next(_by_gate(home, situation), None)
    if record is None or record.promoted or record.previous != situation.version:
        return None
    # Without a gate record: the version could not be loaded.
    verdict = record.gate.verdict if record.gate else GateVerdict("reject", record.reason)
    return _judged_again(record, verdict, situation, home.config)


def compared_since(home: Home, situation: Situation) -> set[str]:
    """Keys of texts that were labelled because an earlier challenger answered them differently.

    For another challenger they are no random sample of the texts on which it differs.
    """
    keys = set()
    for record in _by_gate(home, situation):
        if record.gate is None or record.previous != situation.version:
            continue
        differing = {one.prediction_id for one in record.gate.verdict.disagreements.differing}
        keys |= {
            row.example.key
            for row in situation.labelled
            if row.prediction_id in differing and row.label_number > (record.after_label or 0)
        }
    return keys


def _by_gate(home: Home, situation: Situation) -> Iterator[PromotionRecord]:
    promotions = home.ledger.promotions(situation.model)
    return (row for row in promotions if row.gate is not None or not row.promoted)


def _judged_again(record: PromotionRecord, verdict: GateVerdict, situation: Situation, config: Config) -> Refused:
    found = tellable(verdict.disagreements, situation.window, situation.untold_keys)
    labels = labels_of(found, situation.window, situation.labelled)
    if verdict.held_by == "freeze" and not _is_labelled_since(record, verdict, situation):
        verdict = replace(verdict, answer="promote", held_by="")
    elif verdict.answer == "hold" and found.differing:
        verdict = judge(tried_again(replace(verdict, disagreements=found), labels, config.gate))
    in_window = {row.id for row in situation.window if row.has_text}
    differing = [one.prediction_id for one in found.differing]
    before = {text_key(row) for row in situation.labelled if row.label_number <= (record.after_label or 0)}
    since = {text_key(row) for row in situation.labelled if row.prediction_id not in set(differing)} - before
    still_open = tuple(key for key in differing if key not in labels and key in in_window)
    return Refused(record, verdict, still_open, len(since))


def _is_labelled_since(record: PromotionRecord, verdict: GateVerdict, situation: Situation) -> bool:
    """Whether a text on which the versions differ was labelled since the gate judged."""
    differing = {one.prediction_id for one in verdict.disagreements.differing}
    since = (row for row in situation.labelled if row.label_number > (record.after_label or 0))
    return any(row.prediction_id in differing for row in since)
