"""How the labels of a model changed. Stored labels are never rewritten: each is read under its name of today."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

from core.datasets import Example
from core.errors import LabelRuleRefused
from core.labels import SEPARATOR, Kind, cell_of, names_in

Action = Literal["rename", "retire", "accept", "undo"]


@dataclass(frozen=True)
class LabelRule:
    """`rename`: `label` is `target` from now on. `retire`: rows of `label` are left out. `accept`: `label` is a new
    label, although it resembles another. `undo`: the rule `undoes` no longer holds.
    """

    action: Action
    label: str
    target: str | None = None
    undoes: int | None = None
    by: str = ""
    reason: str = ""
    created_at: str = ""
    id: int = 0


class Taxonomy:
    """The rules of one model, oldest first.

    >>> rules = [LabelRule("rename", "bill", "payment"), LabelRule("retire", "spam")]
    >>> Taxonomy(rules).today("bill"), Taxonomy(rules).today("spam"), Taxonomy(rules).today("bill|bug")
    ('payment', None, 'bill|bug')
    >>> Taxonomy(rules, "multi-label").today("bill|bug")
    'bug|payment'
    """

    def __init__(self, rules: Sequence[LabelRule] = (), kind: Kind = "single-label") -> None:
        self.rules, self.kind = list(rules), kind

    @cached_property
    def active(self) -> list[LabelRule]:
        """Without rules that were undone; an undone `undo` lets its rule hold again."""
        return [rule for rule in self.rules if rule.id not in self._undone and rule.action != "undo"]

    @cached_property
    def _undone(self) -> dict[int, int]:
        """The `undo` of each rule that does not hold."""
        undone: dict[int, int] = {}
        for rule in reversed(self.rules):
            if rule.action == "undo" and rule.id not in undone and rule.undoes is not None:
                undone[rule.undoes] = rule.id
        return undone

    @cached_property
    def accepted(self) -> frozenset[str]:
        """Labels that a person confirmed or made the target of a rule."""
        named = {rule.label for rule in self.active if rule.action == "accept"}
        return frozenset(named | {rule.target for rule in self.active if rule.target is not None})

    @cached_property
    def _moved(self) -> dict[str, str | None]:
        return {rule.label: rule.target for rule in self.active if rule.action in ("rename", "retire")}

    @property
    def gone(self) -> frozenset[str]:
        """Names that are no label any more."""
        return frozenset(self._moved)

    def today(self, label: str) -> str | None:
        """The label, or the set of labels, by its name of today; None if nothing of it is left."""
        if not self._moved:
            return label
        # A doubtful set of labels that a person mapped is moved as a whole.
        if self.kind == "multi-label" and SEPARATOR in label and label not in self._moved:
            names = [self._name(name) for name in names_in(label)]
            left = [name for name in names if name is not None]
            return cell_of(left) if left else None
        return self._name(label)

    def _name(self, name: str | None) -> str | None:
        # `require_possible` refuses rules in a circle; a ledger that has them nonetheless must not hang readers.
        seen: set[str] = set()
        while name is not None and name in self._moved and name not in seen:
            seen.add(name)
            name = self._moved[name]
        return name

    def examples(self, rows: Iterable[Example]) -> list[Example]:
        """The rows with their labels of today; rows of retired labels are left out, rows without a label stay."""
        labels = ((row, row.label if row.label is None else self.today(row.label)) for row in rows)
        return [
            row if label == row.label else replace(row, label=label)
            for row, label in labels
            if label is not None or row.label is None
        ]

    def names(self, labels: Iterable[str]) -> set[str]:
        """The names of today of these labels, without retired ones."""
        return {name for label in labels if (name := self.today(label)) is not None}

    def require_possible(self, rule: LabelRule) -> None:
        """Raises `LabelRuleRefused` for a rule that contradicts those that hold."""
        if rule.action == "undo":
            self._require_undoable(rule)
            return
        if self.kind == "multi-label" and rule.target is not None and SEPARATOR in rule.target:
            raise LabelRuleRefused(
                f"Label {rule.target!r} contains {SEPARATOR!r}, which separates labels. Name one label."
            )
        if rule.target == rule.label:
            raise LabelRuleRefused(f"Label {rule.label!r} is {rule.target!r} already. Name another.")
        if rule.label in self._moved:
            raise LabelRuleRefused(
                f"Label {rule.label!r} is gone already: {self.why_gone(rule.label)}. Undo that rule first."
            )
        if rule.target is not None and self._name(rule.target) is None:
            raise LabelRuleRefused(f"Label {rule.target!r} is gone: {self.why_gone(rule.target)}. Name another.")
        if rule.target is not None and self._name(rule.target) == rule.label:
            why = self.why_gone(rule.target)
            raise LabelRuleRefused(f"Label {rule.target!r} is {rule.label!r} already: {why}. Undo that rule first.")

    def _require_undoable(self, undo: LabelRule) -> None:
        ids = [rule.id for rule in self.rules]
        if undo.undoes not in ids:
            raise LabelRuleRefused(f"There is no rule {undo.undoes}. Rules: {', '.join(map(str, ids)) or 'none'}.")
        if undo.undoes in self._undone:
            raise LabelRuleRefused(f"Rule {undo.undoes} is undone already by rule {self._undone[undo.undoes]}.")
        for rule in Taxonomy([*self.rules, replace(undo, id=max(ids) + 1)]).active:
            if rule.id in self._undone:
                try:
                    self.require_possible(rule)
                except LabelRuleRefused as error:
                    raise LabelRuleRefused(f"Rule {rule.id} cannot hold again. {error}") from error

    def why_gone(self, name: str) -> str:
        rule = next(rule for rule in self.active if rule.label == name and rule.action in ("rename", "retire"))
        became = f"renamed to {rule.target!r}" if rule.target is not None else "retired"
        return f"{became} on {rule.created_at[:10]} by rule {rule.id}"


UNCHANGED = Taxonomy()
