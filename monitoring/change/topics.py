"""New topics: dense groups of the window without a counterpart in the reference."""

from __future__ import annotations

from collections import Counter

import numpy as np

from core.arrays import Indices
from core.assigned import cells
from core.changes import Change, Group, KindName
from monitoring.change.compared import Compared
from monitoring.change.kind import Found
from monitoring.change.reference_words import reference_words
from monitoring.change.scan import Zone, scan
from monitoring.change.significance import LEVEL
from monitoring.change.words import counted, setting_apart
from monitoring.wording import listed, share

SHOWN, TYPICAL, WORDS, ANSWERS = 3, 3, 6, 3


class NewTopics:
    name: KindName = "new topics"
    is_drift = True

    def find(self, compared: Compared) -> Found | None:
        open_rows = np.flatnonzero(compared.open)
        if not len(open_rows) or not compared.reference.rows:
            return None
        found = scan(compared.window.embeddings[open_rows], compared.reference.embeddings, level=LEVEL)
        zones = sorted((Zone(open_rows[zone.rows], zone.p_value) for zone in found), key=lambda zone: -len(zone.rows))
        if not zones:
            return None
        rows = np.zeros(compared.window.rows, dtype=np.bool_)
        rows[np.concatenate([zone.rows for zone in zones])] = True
        groups = [_group(compared, zone.rows) for zone in zones]
        weight = sum(group.share for group in groups)
        change = Change(
            self.name, weight, min(zone.p_value for zone in zones), _sentence(groups, weight), groups=groups[:SHOWN]
        )
        return Found(change, rows)


def _group(compared: Compared, rows: Indices) -> Group:
    vectors = compared.window.embeddings[rows]
    order = np.argsort(((vectors - vectors.mean(axis=0)) ** 2).sum(axis=1), kind="stable")
    predicted = compared.window.predicted[rows]
    answers = Counter(cells(predicted, compared.labels)).most_common(ANSWERS)
    return Group(
        rows=len(rows),
        share=len(rows) / compared.window.rows,
        typical=[compared.ids[rows[index]] for index in order[:TYPICAL]],
        answers=dict(answers),
        confidence=round(float(compared.window.confidence[rows].mean()), 4),
        words=_words(compared, rows),
    )


def _words(compared: Compared, rows: Indices) -> list[str]:
    if compared.forms is None:
        return []
    group = set(rows.tolist())
    rest = counted(keys for row, keys in enumerate(compared.hashed) if row not in group)
    others = rest + reference_words(compared.summary)
    return setting_apart([compared.hashed[row] for row in rows], others, compared.names, most=WORDS)


def _sentence(groups: list[Group], weight: float) -> str:
    count = "a group" if len(groups) == 1 else f"{len(groups)} groups"
    rows = sum(group.rows for group in groups)
    shown = [described(group) for group in groups[:SHOWN]]
    largest = "" if len(groups) <= SHOWN else ", the largest"
    return f"{rows} texts ({share(weight)}) form {count} that the reference lacks{largest}: {'; '.join(shown)}."


def described(group: Group) -> str:
    """
    >>> described(Group(40, 0.04, [], {"card": 30, "": 10}, 0.52, ["atm", "stuck"]))
    "40 texts with the words 'atm' and 'stuck', answered 'card' (75 %), confidence 0.52 on average"
    """
    words = f" with the words {listed([repr(word) for word in group.words])}" if group.words else ""
    label, count = next(iter(group.answers.items()))
    answered = f"answered {label!r} ({share(count / group.rows)})" if label else "answered without a label"
    return f"{group.rows} texts{words}, {answered}, confidence {group.confidence:.2f} on average"
