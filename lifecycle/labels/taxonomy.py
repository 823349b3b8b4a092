"""What a rule of labels touches, and the labels that it leaves."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from core.datasets import Example, kept_dataset
from core.errors import DatasetNotKept, LabelRuleRefused, NoChampion
from core.feedback import registered_labels
from core.home import Home
from core.labels import Kind, names_of
from core.package import PackageFacts, read_facts
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
    taxonomy = home.ledger.rules.taxonomy(model)
    known = registered_labels(home.registry, model).names
    today = {name for label in known if (name := taxonomy.today(label)) is not None}
    return sorted(today | {name for label in taxonomy.accepted if (name := taxonomy.today(label)) is not None})


def effect_of(home: Home, model: str, rule: LabelRule) -> Effect:
    """Raises `LabelRuleRefused` for a rule about a label that nobody has used, or that contradicts others."""
    taxonomy = home.ledger.rules.taxonomy(model)
    taxonomy.require_possible(rule)
    if rule.action == "undo":
        return Effect(f"Rule {rule.undoes} no longer holds.")
    facts = _facts(home, model)
    kind: Kind = facts.kind if facts else "single-label"
    given = [row.label for row in home.ledger.labelled(model)]
    counts = {
        "original": _count(rule.label, kind, _kept(home, facts, "data")),
        "feedback": sum(rule.label in names_of(label, kind) for label in given),
        "holdout": _count(rule.label, kind, _kept(home, facts, "holdout")),
        "reference": _count(rule.label, kind, _kept(home, facts, "reference")),
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


def _facts(home: Home, model: str) -> PackageFacts | None:
    try:
        champion = home.registry.champion(model)
    except NoChampion:
        return None
    return read_facts(home.registry.folder(model, champion.version))


def _kept(home: Home, facts: PackageFacts | None, name: str) -> list[Example]:
    if facts is None:
        return []
    lineage = facts.lineage
    kept = {
        "data": [lineage.data.train, lineage.data.validation],
        "holdout": [lineage.holdout.fingerprint],
        "reference": [lineage.reference.fingerprint],
    }
    try:
        return [row for stored in kept[name] if stored for row in kept_dataset(stored, home.config.datasets)]
    except DatasetNotKept:
        return []


def _count(label: str, kind: Kind, rows: Iterable[Example]) -> int:
    return sum(label in names_of(row.label, kind) for row in rows if row.label is not None)
