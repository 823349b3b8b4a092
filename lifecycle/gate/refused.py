"""The champion's last challenger that the gate refused, judged again with the labels of today."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from core.config import Config
from core.gate_texts import stored_keys
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
    # A text that came again since, or that left the window, is not there under the id by which the gate knows it.
    keys = stored_keys(home.ledger.database, [one.prediction_id for one in verdict.disagreements.differing])
    return _judged_again(record, verdict, situation, keys, home.config)


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


def _judged_again(
    record: PromotionRecord, verdict: GateVerdict, situation: Situation, keys: Mapping[str, str], config: Config
) -> Refused:
    """`keys`: prediction id → key of the text, of those on which the versions differ."""
    found = tellable(verdict.disagreements, keys, situation.untold_keys)
    labels = labels_of(found, keys, situation.labelled)
    before, since = (
        {text_key(row) for row in situation.labelled if (row.label_number > (record.after_label or 0)) is is_later}
        for is_later in (False, True)
    )
    compared = {keys[one.prediction_id] for one in found.differing if one.prediction_id in keys}
    if verdict.held_by == "freeze" and not since & compared:
        verdict = replace(verdict, answer="promote", held_by="")
    elif verdict.answer == "hold" and found.differing:
        verdict = judge(tried_again(replace(verdict, disagreements=found), labels, config.gate))
    differing = [one.prediction_id for one in found.differing]
    still_open = tuple(key for key in differing if key not in labels and key in keys)
    return Refused(record, verdict, still_open, len(since - before - compared))
