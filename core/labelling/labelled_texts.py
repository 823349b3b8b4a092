"""Labelled texts of a model that a server can show: a bounded number, whatever the sizes of ledger and files."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Literal

from core.arrays import Floats
from core.datasets import Example, Text, input_of, kept_file, key_of
from core.home import Home
from core.package import PackageFacts

MOST = 1_000
"""Texts that people labelled, and as many of the training rows."""
MOST_LABELS = 5_000
"""The last labels in the ledger, among which the texts are sought."""
MOST_CHARS = 2_000
"""Longer texts are cut."""
LINES_ESTIMATED_BY = 200

Origin = Literal["feedback", "given", "training"]
"""A labelled prediction, a row of `retune labels add`, or a training row of the version."""


@dataclass(frozen=True)
class LabelledText:
    """`label`: its name of today; a cell (`core.labels`) of a multi-label model. `embedding` (d,): by the version, if
    the ledger has it.
    """

    text: str
    label: str
    origin: Origin
    pair: str | None = None
    embedding: Floats | None = None

    @property
    def input(self) -> Text:
        return input_of(self.text, self.pair)

    @cached_property
    def key(self) -> str:
        return key_of(self.input)


def texts_of_people(home: Home, model: str, version: str, facts: PackageFacts) -> list[LabelledText]:
    """The last labelled predictions and given rows, at most `MOST` different texts; predictions first, latest first.

    Raises `LedgerUnreadable` or `DriverMissing`.
    """
    ledger = home.ledger
    found = ledger.labelled_lately(model, most=MOST_LABELS, kind=facts.kind, counting=home.config.labels.counting)
    rows = [row for row in found if row.has_text][-MOST:][::-1]
    embeddings = ledger.embeddings([row.prediction_id for row in rows], version=version)
    labelled = [
        LabelledText(_cut(row.text), row.label, "feedback", _cut_pair(row.pair), embeddings.get(row.prediction_id))
        for row in rows
    ]
    taxonomy = ledger.rules.taxonomy(model, facts.kind)
    given = _labelled(taxonomy.examples(ledger.added.rows(model, last=MOST)), "given")
    return list(islice(different(_of_kind([*labelled, *reversed(given)], facts)), MOST))


def training_texts(path: Path, facts: PackageFacts) -> list[LabelledText]:
    """At most `MOST` rows of a kept data set, evenly from all of it; none if it is not kept here.

    Their labels are those of the training; see `with_names_of_today`.
    """
    if not path.is_file():
        return []
    rows = [Example(row["text"], row["label"], row.get("pair")) for row in map(json.loads, _some_lines(path, MOST))]
    return list(_of_kind(_labelled(rows, "training"), facts))


def training_file(home: Home, facts: PackageFacts) -> Path:
    """Where the training rows of a version are kept; the file may be missing."""
    return kept_file(facts.lineage.data.train or "none", home.config.datasets)


def with_names_of_today(home: Home, model: str, facts: PackageFacts, rows: list[LabelledText]) -> list[LabelledText]:
    """The rows with their labels of today, without those of retired labels. Raises as `texts_of_people`."""
    today = home.ledger.rules.taxonomy(model, facts.kind).today
    named = ((row, today(row.label)) for row in rows)
    return [replace(row, label=label) for row, label in named if label is not None]


def different(rows: Iterable[LabelledText]) -> Iterator[LabelledText]:
    """The first row of each text."""
    seen: set[str] = set()
    for row in rows:
        if row.key not in seen:
            seen.add(row.key)
            yield row


def _labelled(rows: Iterable[Example], origin: Origin) -> list[LabelledText]:
    return [
        LabelledText(_cut(row.text), row.label, origin, _cut_pair(row.pair)) for row in rows if row.label is not None
    ]


def _cut(text: str) -> str:
    return text[:MOST_CHARS]


def _cut_pair(pair: str | None) -> str | None:
    return None if pair is None else _cut(pair)


def _of_kind(rows: Iterable[LabelledText], facts: PackageFacts) -> Iterator[LabelledText]:
    return (row for row in rows if (row.pair is not None) is facts.is_paired)


def _some_lines(path: Path, most: int) -> Iterator[bytes]:
    """Every n-th line, so that they are about `most`."""
    with path.open("rb") as file:
        first = list(islice(file, LINES_ESTIMATED_BY))
        lines = path.stat().st_size * len(first) / max(1, sum(map(len, first)))
        file.seek(0)
        # The estimate may be wrong, where the first lines are longer than the others.
        yield from islice(islice(file, 0, None, max(1, -int(-lines // most))), 2 * most)
