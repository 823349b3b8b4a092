"""What a rule of labels touches, and the labels that it leaves."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from core.datasets import Example, kept_dataset
from core.errors import DatasetNotKept, LabelRuleRefused, NoChampion
from core.feedback import registered_labels
from core.home import Home
from core.labels import Kind, names_of
from core.package import read_facts
from core.resemblance import resembled
from core.taxonomy import LabelRule


@dataclass(frozen=True)
class Effect:
    """Stored rows with the label of a rule, by where they are stored."""

    sentence: str
    original: int = 0
    feedback: int = 0
    holdout: int = 0
    reference: int = 0


def labels_today(home: Home, model: str) -> list[str]:
    """The names of today of the labels that the model knows, and those that people added by a rule."""
    labels = registered_labels(home.registry, model)
    taxonomy = home.ledger.rules.taxonomy(model, labels.kind)
    today = {name for label in labels.names if (name := taxonomy.today(label)) is not None}
    return sorted(today | {name for label in taxonomy.accepted if (name := taxonomy.today(label)) is not None})


def effect_of(home: Home, model: str, rule: LabelRule) -> Effect:
    """What the rule would change.

    Raises `LabelRuleRefused` if the rule contradicts an active rule, or if no stored row has its label.
    """
    kind = registered_labels(home.registry, model).kind
    home.ledger.rules.taxonomy(model, kind).require_possible(rule)
    if rule.action == "undo":
        return Effect(f"Rule {rule.undoes} no longer holds.")
    given = [row.label for row in home.ledger.labelled(model, kind=kind)]
    counts = {
        "original": _count(rule.label, kind, kept_rows(home, model, "data")),
        "feedback": sum(rule.label in names_of(label, kind) for label in given),
        "holdout": _count(rule.label, kind, kept_rows(home, model, "holdout")),
        "reference": _count(rule.label, kind, kept_rows(home, model, "reference")),
    }
    doubtful = sum(item.rows for item in home.ledger.rules.doubtful(model) if item.label == rule.label)
    known = {*labels_today(home, model), *(name for label in given for name in names_of(label, kind))}
    if rule.label not in known and not any(counts.values()) and not doubtful:
        near = resembled(rule.label, known)
        cure = f"Did you mean {near!r}?" if near else f"Known: {', '.join(sorted(known)) or 'none yet'}."
        raise LabelRuleRefused(f"No stored row of {model!r} has the label {rule.label!r}. {cure}")
    what = {"rename": "is called", "retire": "is retired", "accept": "is a label"}[rule.action]
    target = f" {rule.target!r}" if rule.action == "rename" else f" in favour of {rule.target!r}" if rule.target else ""
    found = ", ".join(f"{count} of the {name} rows" for name, count in counts.items())
    held = f", and {doubtful} doubtful" if doubtful else ""
    return Effect(f"{rule.label!r} {what}{target}: {found}{held}.", **counts)


def kept_rows(home: Home, model: str, part: str) -> list[Example]:
    """Stored rows of the champion, as labelled then: "data" (training and validation), "holdout" or "reference"."""
    try:
        lineage = read_facts(home.registry.folder(model, home.registry.champion(model).version)).lineage
    except NoChampion:
        return []
    names = {
        "data": [lineage.data.train, lineage.data.validation],
        "holdout": [lineage.holdout.fingerprint],
        "reference": [lineage.reference.fingerprint],
    }
    try:
        return [row for name in names[part] if name for row in kept_dataset(name, home.config.datasets)]
    except DatasetNotKept:
        return []


def _count(label: str, kind: Kind, rows: Iterable[Example]) -> int:
    return sum(label in names_of(row.label, kind) for row in rows if row.label is not None)
