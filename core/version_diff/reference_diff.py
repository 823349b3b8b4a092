"""How two versions answer their references, by what their packages store: no row is answered again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from core.assigned import Truth, cells, known
from core.features import Features
from core.labels import Kind, names_of
from core.package import PackageFacts
from core.paired import Paired
from core.share import Share, measured

Name = Callable[[str], str]


@dataclass(frozen=True)
class Score:
    """Of one label: rows that have it, rows that are given it, and rows of both."""

    rows: int = 0
    given: int = 0
    right: int = 0

    @property
    def recall(self) -> Share:
        return measured(self.right, self.rows)

    @property
    def precision(self) -> Share:
        return measured(self.right, self.given)


@dataclass(frozen=True)
class Confused:
    """Rows of the label `truth` that are answered with `answer`, by each version."""

    truth: str
    answer: str
    before: int
    after: int


@dataclass(frozen=True)
class LabelScores:
    """None: a version has no such label."""

    label: str
    before: Score | None
    after: Score | None

    @property
    def change(self) -> float:
        """Of the F1 score; a label that came or went counts as 0 on the other side."""
        return _f1(self.after) - _f1(self.before)


@dataclass(frozen=True)
class Answered:
    """The labelled rows of one reference by their labels' names of today: what they are, and what was answered."""

    labels: list[str]
    truth: list[str]
    given: list[str]
    kind: Kind = "single-label"

    @property
    def right(self) -> list[bool]:
        return [was == is_ for was, is_ in zip(self.truth, self.given, strict=True)]

    @property
    def accuracy(self) -> Share:
        return measured(sum(self.right), len(self.truth))

    def scores(self) -> dict[str, Score]:
        rows, given, right = Counter[str](), Counter[str](), Counter[str]()
        for truth, answer in zip(self.truth, self.given, strict=True):
            true, answered = (set(names_of(cell, self.kind)) for cell in (truth, answer))
            rows.update(true)
            given.update(answered)
            right.update(true & answered)
        return {name: Score(rows[name], given[name], right[name]) for name in dict.fromkeys([*self.labels, *rows])}

    def confused(self) -> Counter[tuple[str, str]]:
        pairs = zip(self.truth, self.given, strict=True)
        return Counter((truth, answer) for truth, answer in pairs if truth != answer)


@dataclass(frozen=True)
class ReferenceDiff:
    """`is_same`: both versions answered the same rows; then `paired` counts rows that one of them alone has right.

    `by_label`: the largest change first; `confused`: pairs of labels whose number changed, the largest change first.
    """

    before: Answered
    after: Answered
    is_same: bool
    paired: Paired | None = None
    by_label: list[LabelScores] = field(default_factory=list)
    confused: list[Confused] = field(default_factory=list)

    @property
    def p_value(self) -> float:
        """Two-sided, of the difference of the accuracies (McNemar, exact); 1 if the rows are not the same."""
        if self.paired is None:
            return 1.0
        return min(1.0, 2 * min(self.paired.p_value, self.paired.reversed.p_value))


def reference_diff(
    before: tuple[PackageFacts, Features], after: tuple[PackageFacts, Features], name: Name
) -> ReferenceDiff:
    """`name`: of a label today."""
    (old, was), (new, now) = before, after
    prints = [facts.lineage.reference.fingerprint for facts in (old, new)]
    is_same = prints[0] == prints[1] != "" and was.rows == now.rows
    sides = _on_same_rows(before, after, name) if is_same else (answered(*before, name), answered(*after, name))
    return ReferenceDiff(
        *sides,
        is_same,
        Paired.of(*(side.right for side in sides)) if is_same else None,
        _by_label(*sides),
        _changed(*(side.confused() for side in sides)) if is_same else [],
    )


def answered(facts: PackageFacts, features: Features, name: Name) -> Answered:
    truth, given = _truth(facts, features.truth, name), _named(features, facts, name)
    kept = [place for place, cell in enumerate(truth) if cell is not None]
    labels = [name(label) for label in facts.labels]
    return Answered(labels, [str(truth[place]) for place in kept], [given[place] for place in kept], facts.kind)


def _on_same_rows(
    before: tuple[PackageFacts, Features], after: tuple[PackageFacts, Features], name: Name
) -> tuple[Answered, Answered]:
    """A row whose label one version does not know is wrong for that one."""
    truths = [_truth(facts, features.truth, name) for facts, features in (before, after)]
    truth = [one if one is not None else other for one, other in zip(*reversed(truths), strict=True)]
    kept = [place for place, cell in enumerate(truth) if cell is not None]
    of_kept = [str(truth[place]) for place in kept]

    def side(facts: PackageFacts, features: Features) -> Answered:
        given = _named(features, facts, name)
        return Answered([name(label) for label in facts.labels], of_kept, [given[place] for place in kept], facts.kind)

    return side(*before), side(*after)


def _truth(facts: PackageFacts, truth: Truth, name: Name) -> list[str | None]:
    is_known = known(truth)
    # Cells of unknown rows are names of other labels, and are not used.
    found = cells(truth.astype(np.int64) if truth.ndim == 1 else np.asarray(truth > 0), facts.labels)
    return [name(cell) if is_so else None for cell, is_so in zip(found, is_known.tolist(), strict=True)]


def _named(features: Features, facts: PackageFacts, name: Name) -> list[str]:
    return [name(cell) for cell in cells(features.predicted, facts.labels)]


def _by_label(before: Answered, after: Answered) -> list[LabelScores]:
    was, now = before.scores(), after.scores()
    found = [
        LabelScores(
            label,
            was.get(label, Score()) if label in before.labels else None,
            now.get(label, Score()) if label in after.labels else None,
        )
        for label in dict.fromkeys([*after.labels, *before.labels])
    ]
    return sorted(found, key=lambda one: (-abs(one.change), one.label))


def _changed(before: Counter[tuple[str, str]], after: Counter[tuple[str, str]]) -> list[Confused]:
    pairs: Sequence[tuple[str, str]] = sorted(before.keys() | after.keys())
    found = [Confused(*pair, before[pair], after[pair]) for pair in pairs if before[pair] != after[pair]]
    return sorted(found, key=lambda one: (-abs(one.after - one.before), one.truth, one.answer))


def _f1(score: Score | None) -> float:
    if score is None or not score.right:
        return 0.0
    return 2 * score.right / (score.rows + score.given)
