"""New topics: dense groups of the window without a counterpart in the reference."""

from __future__ import annotations

from collections import Counter
from functools import partial

import numpy as np

from core.arrays import Indices
from core.assigned import cells
from core.changes import Change, Group, KindName
from core.two_sample.distances import distance_to_nearest, distance_to_nearest_other, nearest_of, squared_distances
from core.two_sample.scan import Zone, scan
from monitoring.change.compared import Compared
from monitoring.change.kind import Found
from monitoring.change.reference_words import reference_words
from monitoring.change.significance import LEVEL
from monitoring.change.words import counted, setting_apart
from monitoring.wording import listed, share

SHOWN, TYPICAL, WORDS, ANSWERS = 3, 3, 6, 3
LEAST_ROWS = 5
APART = 1.2
COMMON = 0.25
"""Least share of the texts of a topic with one word, beyond the share of all other texts with it."""


class NewTopics:
    name: KindName = "new topics"
    is_drift = True

    def find(self, compared: Compared) -> Found | None:
        open_rows = np.flatnonzero(compared.open)
        if not len(open_rows) or not compared.reference.rows:
            return None
        found = scan(compared.window.embeddings[open_rows], compared.reference.embeddings, level=LEVEL)
        zones = [Zone(_core(compared, open_rows[zone.rows]), zone.p_value) for zone in found]
        zones = sorted(filter(partial(_is_topic, compared), zones), key=lambda zone: -len(zone.rows))
        if not zones:
            return None
        rows = np.zeros(compared.window.rows, dtype=np.bool_)
        rows[np.concatenate([zone.rows for zone in zones])] = True
        groups = [_group(compared, zone.rows) for zone in zones]
        weight = sum(group.share for group in groups)
        change = Change(
            self.name, weight, min(zone.p_value for zone in zones), _sentence(groups, weight), groups=groups[:SHOWN]
        )
        return Found(change, rows, [zone.rows for zone in zones[:SHOWN]])


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


def _is_topic(compared: Compared, zone: Zone) -> bool:
    rows = zone.rows
    return len(rows) >= LEAST_ROWS and _is_apart(compared, rows) and _has_common_words(compared, rows)


def _core(compared: Compared, rows: Indices) -> Indices:
    """The rows with two others of the zone nearer than any row of the reference: a zone is a ball, a topic is none."""
    group = compared.window.embeddings[rows]
    among = squared_distances(group)
    np.fill_diagonal(among, np.inf)
    second = np.sqrt(np.partition(among, 1, axis=1)[:, 1]) if len(rows) > 2 else np.full(len(rows), np.inf)
    return rows[second < distance_to_nearest(group, compared.reference.embeddings)]


def _is_apart(compared: Compared, rows: Indices) -> bool:
    """Whether the group lies beside the reference, and is not a place where it has few rows of a label that grew.

    `APART` is the geometric mean of two ratios: how far its rows are from the reference, in distances to each other and
    in distances of the reference's rows there to others of the reference.
    """
    group, reference = compared.window.embeddings[rows], compared.reference
    if reference.rows < 2:
        return True
    across, near = nearest_of(group, reference.embeddings)
    away = float(np.median(across))
    inside = float(np.median(distance_to_nearest_other(group)))
    there = float(np.median(reference.apart[near]))
    return away**2 >= APART**2 * inside * there


def _has_common_words(compared: Compared, rows: Indices) -> bool:
    """Whether a word is so much more frequent in the group as a topic makes it; texts full of errors have none."""
    if compared.forms is None:
        return True
    group, others = counted(compared.hashed[row] for row in rows), _other_words(compared, rows)
    rest = max(compared.window.rows - len(rows) + (compared.summary.rows if compared.summary else 0), 1)
    return any(count / len(rows) - others[key] / rest >= COMMON for key, count in group.items())


def _other_words(compared: Compared, rows: Indices) -> Counter[int]:
    """Number of all other texts with each word, in the window and the reference."""
    group = set(rows.tolist())
    rest = counted(keys for row, keys in enumerate(compared.hashed) if row not in group)
    return rest + reference_words(compared.summary)


def _words(compared: Compared, rows: Indices) -> list[str]:
    if compared.forms is None:
        return []
    others = _other_words(compared, rows)
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
