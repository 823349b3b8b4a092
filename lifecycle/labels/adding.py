"""Adds labelled rows of a file to those that a model is trained and judged with."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from core.datasets import Columns, Example, examples_in, fingerprint, is_held_out
from core.errors import RowFault, UnknownSource
from core.feedback import LabelJudge, registered_labels
from core.home import Home
from core.label_files.exchange import read_rows
from core.label_files.files import RefusedRow
from core.labelling.effects import kept_rows
from core.labels import Kind, names_of
from core.tables.reader import Row
from core.texts.near_duplicates import NEAR_SIMILARITY, near_pairs
from lifecycle.labels.pools import pools_of


@dataclass(frozen=True)
class AddedFile:
    """`stored`: rows that the source had not given before; `held_out`: those of the file that measure and never train;
    `empty`: tasks and records without an answer; `new`: labels that the model does not know, with their number.
    """

    stored: int
    held_out: int
    empty: int
    new: dict[str, int]
    refused: list[RefusedRow]


def add_rows(
    home: Home, model: str, path: Path, columns: Columns, *, source: str, new_labels: Iterable[str] = ()
) -> AddedFile:
    """Rows with a doubtful label or nearly the text of a row that measures are refused.

    Raises as `read_rows` and `read_examples`.
    """
    file = read_rows(path, columns.label)
    examples = _examples(file.rows, path, columns)
    labels = registered_labels(home.registry, model)
    judge = LabelJudge(home.ledger, model, labels, frozenset(new_labels))
    judge.weigh(row.label or "" for row in examples)
    near = _near_measuring(home, model, examples, labels.kind)
    refused, kept = [], []
    for index, ((number, row), example) in enumerate(zip(file.rows.items(), examples, strict=True)):
        reason = _objection(judge, example, labels.kind) or near.get(index)
        if reason:
            refused.append(RefusedRow(number, row.line, reason))
        else:
            kept.append(example)
    new = Counter(name for example in kept for name in judge.unknown(example.label or ""))
    stored = home.ledger.added.add(model, kept, source=source, fingerprint=fingerprint(examples))
    held_out = sum(is_held_out(row.input) for row in kept)
    return AddedFile(stored, held_out, file.empty, dict(new.most_common()), refused)


def remove_source(home: Home, model: str, source: str) -> int:
    """Delete the added rows of a source; raises `UnknownSource` if it has none."""
    removed = home.ledger.added.remove(model, source)
    if not removed:
        raise UnknownSource(source, [added.source for added in home.ledger.added.sources(model)])
    return removed


def _examples(rows: Mapping[int, Row], path: Path, columns: Columns) -> list[Example]:
    """As `examples_in`; a fault has the row's number in the file."""
    numbers = list(rows)
    try:
        return examples_in(list(rows.values()), path, columns) if rows else []
    except RowFault as fault:
        fault.row, *fault.others = (numbers[index - 1] for index in (fault.row, *fault.others))
        raise


def _objection(judge: LabelJudge, example: Example, kind: Kind) -> str | None:
    return next((judge.sentence(name) for name in names_of(example.label or "", kind) if name in judge.doubts), None)


def _near_measuring(home: Home, model: str, examples: list[Example], kind: Kind) -> dict[int, str]:
    """Why a row may not be added, by its index: a challenger trained on it would know what it is judged by."""
    measure, _ = pools_of(home.ledger.labelled(model, kind=kind, counting=home.config.labels.counting))
    kept = kept_rows(home, model)
    measuring = [row.example for row in measure if row.has_text] + [
        row for row in [*kept["holdout"], *kept["reference"]] if row.label is not None
    ]
    keys = list(dict.fromkeys(row.key for row in measuring))
    found = {
        pair.second - len(keys): "it has nearly the text of a row that measures"
        for pair in near_pairs([*keys, *(row.key for row in examples)], threshold=NEAR_SIMILARITY)
        if pair.first < len(keys) <= pair.second
    }
    same = set(keys)
    return found | {
        index: "it has the text of a row that measures" for index, row in enumerate(examples) if row.key in same
    }
