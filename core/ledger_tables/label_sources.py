"""Sources of labels: those whose labels cannot be relied on are set aside, and no source gives more than its quota."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from core.datasets import key_or
from core.records import LabelledPrediction
from core.trust import Trust

MIN_TEXTS = 10
"""Texts that speak against a source before it is set aside."""


@dataclass
class _Given:
    """What a source said of its texts, each label after the other."""

    labels: dict[str, list[str]] = field(default_factory=dict)

    @property
    def last(self) -> dict[str, str]:
        return {text: labels[-1] for text, labels in self.labels.items()}

    @property
    def changed(self) -> int:
        return sum(len(labels) > 1 for labels in self.labels.values())


def set_aside(rows: Iterable[LabelledPrediction], trust: Trust) -> dict[str, str]:
    """The sources whose labels count for nothing, each with the reason; `rows`: in the order of their labels.

    A source is set aside if it changed its own label of most of its texts, or if it contradicts what the sources that
    labelled before it agree on in most of the texts that they share; of at least `MIN_TEXTS` texts each. Sources that
    `trust` names are never set aside.
    """
    named = set(trust) if isinstance(trust, list) else set()
    aside: dict[str, str] = {}
    agreed: dict[str, set[str]] = {}
    for source, given in _by_source(rows).items():
        reason = "" if source in named else _changes(given) or _contradicts(given, agreed)
        if reason:
            aside[source] = reason
            continue
        for text, label in given.last.items():
            agreed.setdefault(text, set()).add(label)
    return aside


def within_quota(rows: Sequence[LabelledPrediction], quota: int) -> list[LabelledPrediction]:
    """The labels of the last `quota` texts of each source; `rows`: in the order of their labels; 0 is no quota."""
    if not quota:
        return list(rows)
    texts: dict[str, set[str]] = {}
    kept = []
    for row in reversed(rows):
        of_source = texts.setdefault(row.source, set())
        if len(of_source) < quota or text_key(row) in of_source:
            of_source.add(text_key(row))
            kept.append(row)
    return kept[::-1]


def text_key(row: LabelledPrediction) -> str:
    """A prediction without a stored text is a text of its own."""
    return key_or(row.input, row.prediction_id)


def _by_source(rows: Iterable[LabelledPrediction]) -> dict[str, _Given]:
    """In the order of their first labels."""
    sources: dict[str, _Given] = {}
    for row in rows:
        labels = sources.setdefault(row.source, _Given()).labels.setdefault(text_key(row), [])
        if labels[-1:] != [row.label]:
            labels.append(row.label)
    return sources


def _changes(given: _Given) -> str:
    if not _most(given.changed, len(given.labels)):
        return ""
    return f"it changed its own label of {given.changed} of {len(given.labels)} texts"


def _contradicts(given: _Given, agreed: dict[str, set[str]]) -> str:
    shared = {text: label for text, label in given.last.items() if len(agreed.get(text, ())) == 1}
    against = sum(label not in agreed[text] for text, label in shared.items())
    if not _most(against, len(shared)):
        return ""
    return f"it contradicts the sources before it on {against} of {len(shared)} texts"


def _most(texts: int, of: int) -> bool:
    return texts >= MIN_TEXTS and 2 * texts > of
