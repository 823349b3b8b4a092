"""Stores labels from people, in their canonical spelling, for `POST /feedback` and `retune labels import`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field

from core.errors import LabelRefused, LabelsOfAnotherModel, NotOneLabel, UnusableLabelName
from core.labels import MAX_LABEL_CHARS, Kind, canonical, names_of
from core.ledger import Ledger
from core.package import read_facts
from core.records import CannotTell, FeedbackRecord
from core.registry import Registry
from core.resemblance import NameIndex, is_no_name
from core.taxonomy import LabelRule

MAX_SOURCE_CHARS = 64


@dataclass(frozen=True)
class GivenLabel:
    """A label of one prediction as a person wrote it: a string, or a list of names."""

    prediction_id: str
    label: str | Sequence[str]
    source: str


Given = GivenLabel | CannotTell
"""What a person said of one prediction."""


@dataclass(frozen=True)
class ModelLabels:
    """The labels of a model: those that it was trained with. Without names every label is as good as another."""

    kind: Kind
    names: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Doubt:
    """A given label that is probably a mistake; `number`: its position among those given, from 1.

    `resembles`: the label that is probably meant, None if it does not look like a label at all.
    """

    number: int
    prediction_id: str
    label: str
    resembles: str | None

    @property
    def sentence(self) -> str:
        return _doubt_sentence(self.label, self.resembles)


@dataclass(frozen=True)
class StoredLabels:
    """`accepted`: number of stored labels; `unknown`: prediction ids that are not in the ledger.

    `doubtful`: labels that were held or left out; `new`: labels that the model does not know, with their number;
    `cannot_tell`: number of predictions whose label cannot be told.
    """

    accepted: int
    unknown: list[str]
    doubtful: list[Doubt] = field(default_factory=list)
    new: dict[str, int] = field(default_factory=dict)
    cannot_tell: int = 0


def store_labels(
    ledger: Ledger,
    given: Sequence[Given],
    *,
    labels_of: Callable[[str], ModelLabels],
    model: str | None = None,
    hold_doubtful: bool = True,
    new_labels: frozenset[str] = frozenset(),
) -> StoredLabels:
    """Store the labels of all known predictions, or none if it raises.

    A label is doubtful if the model was not trained with it and it resembles one of the model's, or a more frequent
    new one, or looks like none (`core.resemblance`), unless `new_labels` has it. Doubtful labels are held until a
    person confirms or maps them; with `hold_doubtful=False` they are left out.

    Raises `LabelRefused` for a label that the model cannot have, and, if `model` is given, `LabelsOfAnotherModel` for
    a prediction of another model.
    """
    answered_by = ledger.models_of(item.prediction_id for item in given)
    for prediction_id, name in answered_by.items():
        if model is not None and name != model:
            raise LabelsOfAnotherModel(prediction_id, name, model)
    judges = {name: LabelJudge(ledger, name, labels_of(name), new_labels) for name in sorted(set(answered_by.values()))}
    asked = [
        (judge := judges[answered_by[item.prediction_id]], number, judge.record(item, number))
        for number, item in enumerate(given, 1)
        if isinstance(item, GivenLabel) and item.prediction_id in answered_by
    ]
    for judge in judges.values():
        judge.weigh(record.label for by, _, record in asked if by is judge)
    records: list[FeedbackRecord] = []
    held: dict[str, list[FeedbackRecord]] = {}
    doubts: list[Doubt] = []
    new: Counter[str] = Counter()
    for judge, number, record in asked:
        unknown_names = judge.unknown(record.label)
        doubtful_name = next((name for name in unknown_names if name in judge.doubts), None)
        if doubtful_name is None:
            records.append(record)
            new.update(unknown_names)
        else:
            held.setdefault(judge.model, []).append(record)
            doubts.append(Doubt(number, record.prediction_id, doubtful_name, judge.doubts[doubtful_name]))
    # A prediction may be erased between the transactions.
    is_known = dict(zip((record.prediction_id for record in records), ledger.record_feedback(records), strict=True))
    if hold_doubtful:
        for name, doubtful in held.items():
            ledger.rules.hold(name, doubtful)
    is_known |= dict.fromkeys((doubt.prediction_id for doubt in doubts), True)
    untold = _last_untold(given)
    is_known |= dict(zip((item.prediction_id for item in untold), ledger.untold.record(untold), strict=True))
    unknown = [item.prediction_id for item in given if not is_known.get(item.prediction_id)]
    cannot_tell = sum(isinstance(item, CannotTell) and is_known.get(item.prediction_id, False) for item in given)
    accepted = len(given) - len(unknown) - len(doubts) - cannot_tell
    return StoredLabels(accepted, unknown, doubts, dict(new.most_common()), cannot_tell)


def _last_untold(given: Sequence[Given]) -> list[CannotTell]:
    """The predictions of which a source said last that it cannot tell the label."""
    last = {(item.prediction_id, item.source): item for item in given}
    return [item for item in last.values() if isinstance(item, CannotTell)]


def add_rule(ledger: Ledger, model: str, rule: LabelRule, kind: Kind) -> int:
    """Add the rule, and give the doubtful labels that it settles to their predictions; return how many these are.

    Raises `LabelRuleRefused`.
    """
    ledger.rules.add(model, rule, kind)
    held = ledger.rules.held(model, rule.label) if rule.action != "undo" else []
    ledger.record_feedback(held)
    ledger.rules.drop(held)
    return len(held)


def _doubt_sentence(label: str, similar: str | None) -> str:
    meant = f"resembles {similar!r}" if similar else "looks like a score, an empty value or a text"
    shown = label if len(label) <= 60 else f"{label[:60]}…"
    return f"label {shown!r} {meant}"


class LabelJudge:
    """Tells known, new and doubtful labels of one model."""

    def __init__(self, ledger: Ledger, model: str, labels: ModelLabels, new_labels: frozenset[str]) -> None:
        self.model = model
        # The label that each doubtful name resembles, if any.
        self.doubts: dict[str, str | None] = {}
        self._ledger, self._kind, self._allowed = ledger, labels.kind, new_labels
        taxonomy = ledger.rules.taxonomy(model, labels.kind)
        today = taxonomy.names(labels.names)
        self._known = labels.names | today | taxonomy.accepted | taxonomy.gone
        self._is_trained = bool(labels.names)
        # Resembling a name that is gone is no help.
        self._names = today | taxonomy.accepted | new_labels

    def record(self, item: GivenLabel, number: int) -> FeedbackRecord:
        try:
            return FeedbackRecord(item.prediction_id, canonical(item.label, self._kind), item.source)
        except (NotOneLabel, UnusableLabelName) as error:
            raise LabelRefused(number, str(error)) from error

    def unknown(self, label: str) -> list[str]:
        """The names in a label that the model does not know; none if it knows no label at all."""
        return [name for name in names_of(label, self._kind) if name not in self._known] if self._is_trained else []

    def sentence(self, name: str) -> str:
        """Why a name is doubtful."""
        return _doubt_sentence(name, self.doubts[name])

    def weigh(self, labels: Iterable[str]) -> None:
        """Find the doubtful names. Of new names that resemble each other the most frequent is the label."""
        counts = Counter(name for label in labels for name in self.unknown(label))
        if not counts:
            return
        given = given_names(self._ledger, self.model, self._kind, apart_from=self._names)
        index = NameIndex(self._names | given)
        for name in sorted(counts, key=lambda name: (-counts[name], name)):
            if name in self._allowed:
                continue
            similar = None if len(name) > MAX_LABEL_CHARS else index.nearest(name)
            if similar or len(name) > MAX_LABEL_CHARS or is_no_name(name):
                self.doubts[name] = similar
            else:
                index.add(name)


def given_names(ledger: Ledger, model: str, kind: Kind, *, apart_from: Collection[str]) -> set[str]:
    """The names in the labels that people gave; most rows whose label is a name of `apart_from` are not looked up."""
    return {name for label in ledger.given_labels(model, apart_from=apart_from) for name in names_of(label, kind)}


def registered_labels(registry: Registry, model: str) -> ModelLabels:
    """The labels of the champion, of the newest version if there is no champion; none without a version."""
    versions, champion = registry.versions(model), registry.readable_pointer(model)
    if champion and champion.version in versions:
        versions = [champion.version]
    if not versions:
        return ModelLabels("single-label")
    facts = read_facts(registry.folder(model, versions[-1]))
    return ModelLabels(facts.kind, frozenset(facts.labels))
