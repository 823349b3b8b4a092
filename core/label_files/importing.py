"""Stores the labels of a file; rows that cannot be what was meant are refused, each with its reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from core.errors import NotOneLabel, UnusableLabelName
from core.feedback import GivenLabel, StoredLabels, registered_labels, store_labels
from core.home import Home
from core.label_files.alike import answered_alike
from core.label_files.files import SAME, UNTOLD, FileLabel, LabelFile, RefusedRow, read_labels
from core.labelling.queue import labels_today
from core.labels import Kind, canonical
from core.records import CannotTell
from core.trust import Contradictions


@dataclass(frozen=True)
class ImportedLabels:
    """`empty`: rows without a label; `repeated`: predictions that the file labels differently in several rows, of which
    the last counts; `contradictions`: texts that sources label differently, with earlier labels; `alike`: stored rows
    that a person answered together with the typical text of their group.
    """

    stored: StoredLabels
    refused: list[RefusedRow]
    empty: int
    repeated: int
    contradictions: Contradictions = Contradictions()
    alike: int = 0

    @property
    def texts(self) -> int:
        """Texts that an answer is stored for."""
        return self.stored.accepted + self.stored.cannot_tell

    @property
    def answers(self) -> int:
        """Answers that a person gave for them."""
        return self.texts - self.alike


def import_labels(home: Home, model: str, path: Path, *, source: str, new_labels: Iterable[str] = ()) -> ImportedLabels:
    """UNTOLD in place of a label ends the request without one; SAME is the label of the typical text of the group.

    Raises as `read_labels`, or `LabelsOfAnotherModel`.
    """
    file = read_labels(path, source=source)
    labels = registered_labels(home.registry, model)
    meant = frozenset(new_labels)
    names = labels.names.union(meant, labels_today(home, model))
    if UNTOLD not in names:
        file = replace(file, labels=[_untold(label) for label in file.labels])
    kept, refused = _usable(home, labels.kind, file)
    if SAME not in names:
        kept, unclear = answered_alike(kept)
        refused += unclear
    stored = store_labels(
        home.ledger,
        [label.given for label in kept],
        labels_of=lambda _: labels,
        model=model,
        hold_doubtful=False,
        new_labels=meant,
    )
    refused += [kept[doubt.number - 1].refused(doubt.sentence) for doubt in stored.doubtful]
    given = Counter(prediction_id for prediction_id, _ in {_said(label) for label in kept})
    repeated = sum(count > 1 for count in given.values())
    found = home.ledger.contradictions(model, kind=labels.kind, trust=home.config.labels.trust)
    alike = _stored_alike(kept, stored)
    return ImportedLabels(stored, sorted(refused, key=lambda row: row.row), file.empty, repeated, found, alike)


def _stored_alike(kept: Sequence[FileLabel], stored: StoredLabels) -> int:
    left_out = {doubt.prediction_id for doubt in stored.doubtful}.union(stored.unknown)
    return sum(label.is_alike and label.given.prediction_id not in left_out for label in kept)


def _said(label: FileLabel) -> tuple[str, str | None]:
    given = label.given
    return given.prediction_id, str(given.label) if isinstance(given, GivenLabel) else None


def _untold(label: FileLabel) -> FileLabel:
    """The row of a person who wrote UNTOLD, where no label has this name."""
    given = label.given
    if not isinstance(given, GivenLabel) or given.label != UNTOLD:
        return label
    return replace(label, given=CannotTell(given.prediction_id, given.source))


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
            if isinstance(label.given, GivenLabel):
                canonical(label.given.label, kind)
        except (NotOneLabel, UnusableLabelName) as error:
            refused.append(label.refused(str(error).removesuffix(".")))
            continue
        kept.append(label)
    return kept, refused
