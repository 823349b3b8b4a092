"""What rules of labels touch, and the labels that they leave."""

from __future__ import annotations

import shlex
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from core.datasets import Example, kept_dataset
from core.errors import DatasetNotKept, LabelRuleRefused, NoChampion
from core.feedback import registered_labels
from core.home import Home
from core.labels import MAX_LABEL_CHARS, Kind, names_of
from core.package import read_facts
from core.records import LabelledPrediction
from core.resemblance import NameIndex, is_no_name
from core.taxonomy import LabelRule


@dataclass(frozen=True)
class Effect:
    """Stored rows with the label of a rule, by where they are stored."""

    sentence: str
    original: int = 0
    feedback: int = 0
    added: int = 0
    holdout: int = 0
    reference: int = 0


def effects_of(home: Home, model: str, rules: Sequence[LabelRule]) -> list[Effect]:
    """What each rule would change.

    Raises `LabelRuleRefused` for a rule that contradicts an active rule, whose label no stored row has, or whose new
    label is unusable, looks like a score or an empty value, or resembles a label that the rules leave.
    """
    labels = registered_labels(home.registry, model)
    taxonomy = home.ledger.rules.taxonomy(model, labels.kind)
    for rule in rules:
        taxonomy.require_possible(rule)
    stored = {
        "feedback": _counts(
            home.ledger.labelled(model, kind=labels.kind, counting=home.config.labels.counting), labels.kind
        ),
        "added": _counts(taxonomy.examples(home.ledger.added.rows(model)), labels.kind),
        **{part: _counts(rows, labels.kind) for part, rows in kept_rows(home, model).items()},
    }
    doubtful = {item.label: item.rows for item in home.ledger.rules.doubtful(model)}
    known = {*taxonomy.names(labels.names | taxonomy.accepted), *stored["feedback"], *stored["added"]}
    replaced = {rule.label for rule in rules if rule.action != "accept"}
    effects = []
    for rule in rules:
        if rule.action == "undo":
            effects.append(Effect(f"Rule {rule.undoes} no longer holds."))
            continue
        target = None if rule.target is None else taxonomy.today(rule.target)
        if target is not None and target not in known:
            _require_usable(target)
            _require_meant(model, target, known - replaced)
        counts = {part: found[rule.label] for part, found in stored.items()}
        held = doubtful.get(rule.label, 0)
        if rule.label not in known and not any(counts.values()) and not held:
            _require_new(model, rule, known, labels.kind)
        added = rule.label if rule.action == "accept" else target
        new = f" {added!r} is a new label." if added is not None and added not in known else ""
        effects.append(Effect(f"{_described(rule, counts, held)}{new}", **counts))
    return effects


def _require_new(model: str, rule: LabelRule, known: set[str], kind: Kind) -> None:
    """Raises `LabelRuleRefused` unless a rule about a label that no stored row has accepts it as a new one."""
    if rule.action == "accept" and names_of(rule.label, kind) == (rule.label,):
        _require_usable(rule.label)
        return
    near = NameIndex(known).nearest(rule.label)
    cure = f"Did you mean {near!r}?" if near else f"Known: {', '.join(sorted(known)) or 'none yet'}."
    raise LabelRuleRefused(f"No stored row of {model!r} has the label {rule.label!r}. {cure}")


def _described(rule: LabelRule, counts: Mapping[str, int], doubtful: int) -> str:
    what = {"rename": "is called", "retire": "is retired", "accept": "is a label"}[rule.action]
    target = f" {rule.target!r}" if rule.action == "rename" else f" in favour of {rule.target!r}" if rule.target else ""
    found = ", ".join(f"{count} of the {part} rows" for part, count in counts.items())
    held = f", and {doubtful} doubtful" if doubtful else ""
    return f"{rule.label!r} {what}{target}: {found}{held}."


def has_control_character(name: str) -> bool:
    """Whether a name has a line break, a tab or another control character.

    >>> has_control_character("how to"), has_control_character("how\\nto")
    (False, True)
    """
    return any(unicodedata.category(char) in ("Cc", "Zl", "Zp") for char in name)


def _require_usable(name: str) -> None:
    """Raises `LabelRuleRefused` for a name that no label can have."""
    if not name:
        raise LabelRuleRefused("The name of a label is empty. Name a label.")
    if has_control_character(name):
        raise LabelRuleRefused(f"Label {name!r} has a line break or another control character. Name another.")
    if len(name) > MAX_LABEL_CHARS:
        raise LabelRuleRefused(f"Label '{name[:60]}…' is longer than {MAX_LABEL_CHARS} characters. Name another.")


def _require_meant(model: str, name: str, known: set[str]) -> None:
    """Raises `LabelRuleRefused` for a new label that is probably a mistake."""
    near = NameIndex(known).nearest(name)
    cure = f"If it is meant, confirm it: retune labels accept {model} {shlex.quote(name)}."
    if near:
        raise LabelRuleRefused(f"Label {name!r} resembles {near!r}. Did you mean {near!r}? {cure}")
    if is_no_name(name):
        raise LabelRuleRefused(f"Label {name!r} looks like a score or an empty value. Name another. {cure}")


def kept_rows(home: Home, model: str) -> dict[str, list[Example]]:
    """Stored rows of the champion, labelled as they were then: "original" (training and validation), "holdout" and
    "reference". A part that is not stored has no rows.
    """
    try:
        lineage = read_facts(home.registry.folder(model, home.registry.champion(model).version)).lineage
    except NoChampion:
        return {"original": [], "holdout": [], "reference": []}
    parts = {
        "original": (lineage.data.train, lineage.data.validation),
        "holdout": (lineage.holdout.fingerprint,),
        "reference": (lineage.reference.fingerprint,),
    }
    return {part: _kept(home, names) for part, names in parts.items()}


def _kept(home: Home, names: Sequence[str]) -> list[Example]:
    try:
        return [row for name in names if name for row in kept_dataset(name, home.config.datasets)]
    except DatasetNotKept:
        return []


def _counts(rows: Iterable[Example | LabelledPrediction], kind: Kind) -> Counter[str]:
    return Counter(name for row in rows if row.label is not None for name in names_of(row.label, kind))
