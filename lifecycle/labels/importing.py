"""Stores the labels of a file; rows that cannot be what was meant are refused, each with its reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from core.errors import NotOneLabel, UnusableLabelName
from core.feedback import StoredLabels, registered_labels, store_labels
from core.home import Home
from core.labels import Kind, canonical
from core.trust import Contradictions
from lifecycle.labels.files import FileLabel, LabelFile, RefusedRow, read_labels


@dataclass(frozen=True)
class ImportedLabels:
    """`empty`: rows without a label; `repeated`: predictions that the file labels differently in several rows, of which
    the last counts; `contradictions`: texts that sources label differently, with earlier labels.
    """

    stored: StoredLabels
    refused: list[RefusedRow]
    empty: int
    repeated: int
    contradictions: Contradictions = Contradictions()


def import_labels(home: Home, model: str, path: Path, *, source: str, new_labels: Iterable[str] = ()) -> ImportedLabels:
    """Raises as `read_labels`, or `LabelsOfAnotherModel`."""
    file = read_labels(path, source=source)
    labels = registered_labels(home.registry, model)
    kept, refused = _usable(home, labels.kind, file)
    stored = store_labels(
        home.ledger,
        [label.given for label in kept],
        labels_of=lambda _: labels,
        model=model,
        hold_doubtful=False,
        new_labels=frozenset(new_labels),
    )
    refused += [kept[doubt.number - 1].refused(doubt.sentence) for doubt in stored.doubtful]
    given = Counter(
        prediction_id for prediction_id, _ in {(item.given.prediction_id, str(item.given.label)) for item in kept}
    )
    repeated = sum(count > 1 for count in given.values())
    found = home.ledger.contradictions(model, kind=labels.kind, trust=home.config.labels.trust)
    return ImportedLabels(stored, sorted(refused, key=lambda row: row.row), file.empty, repeated, found)


def _usable(home: Home, kind: Kind, file: LabelFile) -> tuple[list[FileLabel], list[RefusedRow]]:
    """The labels that the model can have and whose row has the cells of its prediction."""
    answers = home.ledger.answers_of(label.given.prediction_id for label in file.labels)
    kept, refused = [], list(file.refused)
    for label in file.labels:
        answer = answers.get(label.given.prediction_id)
        if None not in (label.predicted, answer) and label.predicted != answer:
            reason = (
                f"its 'predicted' is {label.predicted!r:.60}, but {answer!r} was predicted: its cells may be mixed up"
            )
            refused.append(label.refused(reason))
            continue
        try:
            canonical(label.given.label, kind)
        except (NotOneLabel, UnusableLabelName) as error:
            refused.append(label.refused(str(error).removesuffix(".")))
            continue
        kept.append(label)
    return kept, refused
