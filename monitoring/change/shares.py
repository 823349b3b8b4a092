"""Known labels came more or less often: label shift, corrected for the answers that the champion confuses."""

from __future__ import annotations

import numpy as np

from core.arrays import Doubles
from core.changes import Change, KindName
from core.features import Features
from core.two_sample.permutation import permuted_table
from monitoring.change.compared import Compared
from monitoring.change.kind import Found
from monitoring.change.significance import LEVEL
from monitoring.sample import rows_at
from monitoring.signals.predicted_labels import PredictedLabels, describe_shift, label_shares, listed_shift
from monitoring.signals.signal import Sides

RESAMPLES = 299
STEPS = 50
MOVED = 3
"""Labels that the change names on each side."""


class Shares:
    name: KindName = "shares"
    is_drift = True

    def find(self, compared: Compared) -> Found | None:
        """Of the rows that no other kind explains. All rows must differ too: without a group that is large, the rest
        has other shares although the traffic has the same.
        """
        window, reference = rows_at(compared.window, np.flatnonzero(compared.open)), compared.reference
        if window.rows < 2:
            return None
        p_value = _p_value(Sides(reference, window, compared.labels))
        if window.rows < compared.window.rows:
            p_value = max(p_value, _p_value(Sides(reference, compared.window, compared.labels)))
        if p_value > LEVEL:
            return None
        before, after, is_corrected = shares_of(reference, window, len(compared.labels))
        moved = np.argsort(-np.abs(after - before), kind="stable")[: 2 * MOVED]
        change = Change(
            self.name,
            _excess(reference, window, len(compared.labels)) * window.rows / compared.window.rows,
            p_value,
            _sentence(compared, window.rows, listed_shift(before, after, compared.labels), is_corrected=is_corrected),
            labels=[compared.labels[index] for index in moved if index < len(compared.labels)],
        )
        return Found(change, np.zeros(compared.window.rows, dtype=np.bool_))


def _sentence(compared: Compared, rows: int, moved: str, *, is_corrected: bool) -> str:
    """`rows`: of the window that no other kind explains, of which the shares `moved` are."""
    how = "estimated, corrected for the answers that the model confuses" if is_corrected else "as answered"
    if rows == compared.window.rows:
        return f"The labels have other shares, {how}: {moved}."
    of_all = describe_shift(compared.reference.predicted, compared.window.predicted, compared.labels)
    return (
        f"The labels have other shares. As answered in all {compared.window.rows} texts: {of_all}. In the {rows} texts "
        f"that no other change explains, {how}: {moved}."
    )


def _p_value(sides: Sides) -> float:
    table = permuted_table(
        [PredictedLabels().prepare(sides)],
        reference_rows=sides.reference.rows,
        window_rows=sides.window.rows,
        resamples=RESAMPLES,
        seed=0,
    )[:, 0]
    return float(np.mean(table >= table[0]))


def _excess(reference: Features, window: Features, labels: int) -> float:
    """Total variation distance of the predicted shares, less what chance makes of it; labels of sets apart."""
    before, after = label_shares(reference.predicted, labels), label_shares(window.predicted, labels)
    pooled = (before * reference.rows + after * window.rows) / (reference.rows + window.rows)
    noise = np.sqrt(2 / np.pi * pooled * (1 - pooled) * (1 / reference.rows + 1 / window.rows))
    return max(0.0, float(np.abs(after - before).sum() - noise.sum()) / 2)


def shares_of(reference: Features, window: Features, labels: int) -> tuple[Doubles, Doubles, bool]:
    """(k + 1,) shares of the labels and of no label, before and after, and whether they are corrected.

    One label a text and a labelled reference: the shares under which the reference's confusions would give the
    window's answers, by expectation maximisation (Saerens et al. 2002, with hard answers). Else shares of answers.
    """
    known = reference.known
    if reference.predicted.ndim == 2 or known.mean() < 0.5:
        return label_shares(reference.predicted, labels), label_shares(window.predicted, labels), False
    truth, predicted = reference.truth[known].astype(np.int64), reference.predicted[known].astype(np.int64)
    confusion = np.eye(labels) / 2
    np.add.at(confusion, (truth, predicted), 1.0)
    before = np.bincount(truth, minlength=labels) / len(truth)
    confusion /= confusion.sum(axis=1, keepdims=True)
    answered = np.bincount(window.predicted.astype(np.int64), minlength=labels) / window.rows
    after = unfolded(answered, confusion, start=before)
    return np.append(before, 0.0), np.append(after, 0.0), True


def unfolded(answered: Doubles, confusion: Doubles, *, start: Doubles) -> Doubles:
    """(k,) shares of the true labels; answered (k,), confusion (k, k): share of each answer to each true label.

    >>> unfolded(np.array([0.5, 0.5]), np.array([[0.8, 0.2], [0.0, 1.0]]), start=np.array([0.5, 0.5])).round(3).tolist()
    [0.625, 0.375]
    """
    shares = start + 1e-6
    for _ in range(STEPS):
        expected = shares @ confusion
        shares = shares * (confusion @ (answered / np.maximum(expected, 1e-12)))
        shares /= shares.sum()
    return shares
