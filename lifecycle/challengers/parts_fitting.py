"""Heads for an encoder: one that says how good the encoder is on rows that it has not seen, and one that is served."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from core.arrays import Booleans, Numbers
from finetune.head import Head, fit_head
from finetune.measuring.truth import Truth, predicted_labels, row_losses
from lifecycle.challengers.head_fitting import EmbeddedRows, ExtraRows, FittedHead, fit, truth_in
from lifecycle.challengers.parts import Parts
from lifecycle.challengers.repair import Repair
from lifecycle.challengers.selection import Unseen
from lifecycle.challengers.spreading import NONE, Labelled, Spread, spread


@dataclass(frozen=True)
class EmbeddedParts:
    """The rows with their embeddings by one encoder: `train` (n, d), `validation` (m, d), and `unlabelled` (u, d), to
    which labels are spread. `names`: those of labels, as examples. `repair`: how labels are kept from taking old
    rows, None if they are not.
    """

    parts: Parts
    seed: int
    train: Numbers
    validation: Numbers
    unlabelled: Numbers | None = None
    names: ExtraRows | None = None
    repair: Repair | None = None

    def spread(self, taught: Booleans | None = None) -> Spread:
        """Labels of the given rows, of those that are `taught`, for the unlabelled ones."""
        if self.unlabelled is None or self.parts.kind == "multi-label":
            return NONE
        given = self.parts.is_given
        given = given if taught is None else given & taught
        labelled = Labelled(self.train[given], self._truth()[given])
        known = Labelled(self.validation, self._truth(validation=True))
        return spread(labelled, self.unlabelled, known, seed=self.seed)

    def harmless(self, *, max_old_drop: float) -> EmbeddedParts:
        """Without the unlabelled rows, if labels that are spread to them cost more than they give: fewer of the rows
        that select are right, or a larger share than this of the validation rows is lost.
        """
        if not len(self.spread().rows):
            return self
        without = replace(self, unlabelled=None)
        plain, taught = without.unseen, self.unseen
        lost = int(plain.old.sum()) - int(taught.old.sum())
        is_harmful = lost > max_old_drop * len(plain.old) or taught.new.sum() < plain.new.sum()
        return without if is_harmful else self

    def fit(self) -> FittedHead:
        """A head for all training rows, with the regularisation and the repairs of the one that is `taught`."""
        every, truth = np.ones(len(self.train), dtype=np.bool_), self._truth(validation=True)
        fitted = self._fit(every, self.validation, truth, like=self._plain)
        return self._shifted(self._mixed(fitted, self.validation, truth), self.validation, truth)

    @cached_property
    def taught(self) -> FittedHead:
        """A head that has not learned the rows that select, with its answers to these, then to the validation rows."""
        return self._shifted(self._near_champion, self._unseen, self._unseen_truth())

    @cached_property
    def unseen(self) -> Unseen:
        """The answers of such a head."""
        fitted, truth = self.taught, self._unseen_truth()
        right = np.asarray(predicted_labels(truth, fitted.probabilities, fitted.thresholds) == truth)
        right = np.asarray(right.all(axis=1)) if right.ndim == 2 else right
        return Unseen(right, row_losses(truth, fitted.probabilities), int(self.parts.selects.sum()))

    @cached_property
    def share(self) -> float:
        """How much of the champion's head the labels have that it knows, chosen on the validation rows if it did not
        learn them.
        """
        if self.repair is None or not self.parts.validates_again:
            return 0.0
        plain = self._plain
        return self.repair.least_share(plain.head, plain.temperature, self.validation, self._truth(validation=True))

    @cached_property
    def shift(self) -> float:
        """By how much the logits of labels that the champion lacks are lowered, chosen on the validation rows."""
        repair = self.repair
        if repair is None or self.parts.kind == "multi-label" or not repair.lacks.any():
            return 0.0
        truth = self._truth(validation=True)
        is_old = ~self.parts.is_new[truth]
        if not is_old.any():
            return 0.0
        logits, right = self._near_champion.head.logits(self.validation[is_old]), self._right_without_given()[is_old]
        return repair.least_shift(logits, truth[is_old], right)

    def _right_without_given(self) -> Booleans:
        """(m,) whether a head without the given rows is right on each validation row. The champion may have learned
        given rows, of which each round would lose a little more, or these validation rows.
        """
        taught = ~self.parts.is_given
        labels, truth = np.unique(self._truth()[taught], return_inverse=True)
        start = Head(self._plain.head.weight[labels], self._plain.head.bias[labels])
        c = self._plain.strength
        head = fit_head(self.train[taught], truth, label_count=len(labels), c=c, start=start)
        right: Booleans = labels[head.logits(self.validation).argmax(axis=1)] == self._truth(validation=True)
        return right

    def _shifted(self, fitted: FittedHead, validation: Numbers, truth: Truth) -> FittedHead:
        if self.repair is None or not self.shift:
            return fitted
        head = Head(fitted.head.weight, (fitted.head.bias - self.shift * self.repair.lacks).astype(np.float32))
        return fitted.with_head(head, validation, truth, {"step": "shift", "of_new_labels": -self.shift})

    def _mixed(self, fitted: FittedHead, validation: Numbers, truth: Truth) -> FittedHead:
        champion = self.repair.champion if self.repair is not None else None
        if champion is None or not self.share:
            return fitted
        head = champion.mixed(fitted.head, fitted.temperature, self.share, self.validation)
        return fitted.with_head(head, validation, truth, {"step": "mix", "of_the_champion": self.share})

    @cached_property
    def _near_champion(self) -> FittedHead:
        return self._mixed(self._plain, self._unseen, self._unseen_truth())

    @cached_property
    def _plain(self) -> FittedHead:
        return self._fit(~self.parts.selects, self._unseen, self._unseen_truth())

    @property
    def _unseen(self) -> Numbers:
        return np.concatenate([self.train[self.parts.selects], self.validation])

    def _unseen_truth(self) -> Truth:
        return np.concatenate([self._truth()[self.parts.selects], self._truth(validation=True)])

    def _fit(self, taught: Booleans, validation: Numbers, truth: Truth, like: FittedHead | None = None) -> FittedHead:
        counts = self.parts.counts.rows[taught]
        rows = EmbeddedRows(self.train[taught], self._truth()[taught], counts, validation, truth, self._extra(taught))
        return fit(rows, labels=len(self.parts.labels), kind=self.parts.kind, seed=self.seed, like=like)

    def _extra(self, taught: Booleans) -> ExtraRows | None:
        found = [self.names] if self.names is not None else []
        if self.unlabelled is not None and len((near := self.spread(taught)).rows):
            of_spread = self.parts.counts.of_spread(near.truth, near.chance)
            found.append(ExtraRows(self.unlabelled[near.rows], near.truth, of_spread))
        if not found:
            return None
        parts = zip(*((rows.embeddings, rows.truth, rows.counts) for rows in found), strict=True)
        return ExtraRows(*map(np.concatenate, parts))

    def _truth(self, *, validation: bool = False) -> Truth:
        return truth_in(self.parts.validation if validation else self.parts.train, self.parts.labels, self.parts.kind)
