"""Rows whose label is probably wrong, and pairs of labels that are hard to tell apart.

Confident learning (Northcutt, Jiang & Chuang 2021): held-out probabilities from the cached embeddings,
compared with the given labels. cleanlab counts which labels are taken for which; which rows are listed
is cut by `noise_model`, as cleanlab's own list takes what the head finds hard for wrong
(docs/data-quality.md has both, measured).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.features import truth_matrix, truth_of
from core.metrics import Floats, Indices
from core.progress import Progress, ignore
from finetune.quality.cross_validation import STAGE, held_out_logits
from finetune.quality.findings import MAX_EXAMPLES, Finding, quantity, row_findings, with_rows, with_share
from finetune.quality.limits import Limits
from finetune.quality.noise_model import NoiseModel, fit_noise_model
from finetune.quality.sheet import Sheet

CONFUSABLE_SHARE = 0.05
"""Of a label's rows, that confidently look like one other label."""


def label_noise(
    sheet: Sheet, embeddings: Floats, limits: Limits, *, seed: int, on_progress: Progress = ignore
) -> list[Finding]:
    """Suspects, most likely wrong first, and confusable labels; `embeddings` (n, d) are of `sheet.labelled`."""
    if sheet.is_multi_label:
        return _suspect_findings(
            sheet, _multi_label_suspects(sheet, embeddings, limits, seed=seed, on_progress=on_progress)
        )
    rows = _testable_rows(sheet, embeddings, limits)
    if len(rows.labels) < 2:
        return []
    logits = held_out_logits(
        rows.embeddings,
        rows.truth,
        [sheet.keys[index] for index in rows.indices],
        label_count=len(rows.labels),
        folds=limits.folds,
        max_fitted_rows=limits.max_fitted_rows,
        seed=seed,
        on_progress=on_progress,
    )
    model = fit_noise_model(logits, rows.truth, seed=seed)
    suspected = _suspected_rows(rows, model)
    return [*_suspect_findings(sheet, suspected), *_confusable(sheet, rows, model, suspected)]


@dataclass(frozen=True)
class _TestableRows:
    """The rows of the labels that have a text for every fold: indices in the sheet, truth, embeddings."""

    labels: list[str]
    indices: list[int]
    truth: Indices
    embeddings: Floats


def _testable_rows(sheet: Sheet, embeddings: Floats, limits: Limits) -> _TestableRows:
    enough = [name for name, rows in sheet.rows_of_label.items() if len(sheet.distinct(rows)) >= limits.folds]
    truth = truth_of([sheet.examples[index] for index in sheet.labelled], enough)
    known = np.flatnonzero(truth >= 0)
    return _TestableRows(enough, [sheet.labelled[row] for row in known], truth[known], embeddings[known])


def _suspected_rows(rows: _TestableRows, model: NoiseModel) -> dict[int, tuple[float, str]]:
    """Of each row more likely wrong than right: how likely, and what it looks like."""
    predicted = model.probabilities.argmax(axis=1)
    return {
        rows.indices[row]: (
            float(model.wrong[row]),
            f"looks like {rows.labels[predicted[row]]!r} ({model.probabilities[row, predicted[row]]:.0%})",
        )
        for row in np.flatnonzero(model.wrong >= 0.5)
    }


def _suspect_findings(sheet: Sheet, suspected: dict[int, tuple[float, str]]) -> list[Finding]:
    worst_first = sorted(suspected, key=lambda index: (-suspected[index][0], index))
    return row_findings(
        "label_noise",
        {index: suspected[index][1] for index in worst_first},
        sheet.examples,
        severity="warning",
        sentence=f"{with_share(len(suspected), sheet.row_count)} whose label is more likely wrong than right.",
        advice="Read them, the first ones first, and correct the labels; --fix --drop-suspects removes the rows.",
    )


def _confusable(
    sheet: Sheet, rows: _TestableRows, model: NoiseModel, suspected: dict[int, tuple[float, str]]
) -> list[Finding]:
    """Pairs of labels of which confident learning finds the rows of one to look like the other."""
    clear = np.array([row for row, index in enumerate(rows.indices) if index not in suspected])
    truth = rows.truth[clear]
    counts, errors = _confident_errors(truth, model.probabilities[clear])
    shares = counts / np.maximum(1, np.bincount(truth, minlength=len(rows.labels)))[:, None]
    pairs = [
        (first, second)
        for first, second in np.argwhere(shares >= CONFUSABLE_SHARE).tolist()
        if counts[first, second] > 1
    ]
    if not pairs:
        return []
    pairs.sort(key=lambda pair: -shares[pair])
    named = [f"{shares[a, b]:.0%} of {rows.labels[a]!r} look like {rows.labels[b]!r}" for a, b in pairs]
    predicted = model.probabilities[clear].argmax(axis=1)
    details = {
        rows.indices[clear[row]]: f"looks like {rows.labels[predicted[row]]!r}"
        for row in errors
        if (truth[row], predicted[row]) in set(pairs)
    }
    more = f"; and {len(pairs) - MAX_EXAMPLES} more." if len(pairs) > MAX_EXAMPLES else "."
    sentence = (
        f"{quantity(len(pairs), 'pair')} of labels that are hard to tell apart: {'; '.join(named[:MAX_EXAMPLES])}{more}"
    )
    advice = "Write down what tells them apart and label by it, or merge them."
    found = Finding("confusable_labels", "info", len(pairs), "pairs of labels", sentence, advice)
    return [with_rows(found, details, sheet.examples)]


def _confident_errors(truth: Indices, probabilities: Floats) -> tuple[Indices, list[int]]:
    """(k, k) how many rows of each given label are confidently another's, and those rows."""
    from cleanlab.count import compute_confident_joint  # takes a second that other checks need not pay

    counts, rows = compute_confident_joint(truth, probabilities, calibrate=False, return_indices_of_off_diagonals=True)
    counts = np.array(counts, dtype=np.int64)
    np.fill_diagonal(counts, 0)
    return counts, sorted(int(row) for row in rows)


def _multi_label_suspects(
    sheet: Sheet, embeddings: Floats, limits: Limits, *, seed: int, on_progress: Progress
) -> dict[int, tuple[float, str]]:
    """Where a text may have several labels: rows with a label that is probably missing or too many.

    Each label is a question by itself, with the answers yes and no.
    """
    examples = [sheet.examples[index] for index in sheet.labelled]
    groups = [sheet.keys[index] for index in sheet.labelled]
    names = _testable_labels(sheet, limits)
    truth = truth_matrix(examples, names).astype(np.int64)
    logits = []
    for number in range(len(names)):
        logits.append(
            held_out_logits(
                embeddings,
                truth[:, number],
                groups,
                label_count=2,
                folds=limits.folds,
                max_fitted_rows=limits.max_fitted_rows,
                seed=seed,
            )
        )
        on_progress(STAGE, (number + 1) / len(names))
    return _suspects_by_label(sheet, names, truth, logits, seed=seed) if names else {}


def _testable_labels(sheet: Sheet, limits: Limits) -> list[str]:
    """Names that enough different texts have, and enough have not."""
    texts = len(sheet.distinct(sheet.labelled))
    sizes = {name: len(sheet.distinct(rows)) for name, rows in sheet.rows_of_label.items()}
    return [name for name, size in sizes.items() if limits.folds <= size <= texts - limits.folds]


def _suspects_by_label(
    sheet: Sheet, names: Sequence[str], truth: Indices, logits: Sequence[Floats], *, seed: int
) -> dict[int, tuple[float, str]]:
    # Each label by itself: one that is easily told must not pass for as doubtful as the hardest.
    wrong = np.column_stack(
        [fit_noise_model(scored, truth[:, number], seed=seed).wrong for number, scored in enumerate(logits)]
    )
    suspected: dict[int, tuple[float, str]] = {}
    for row in np.flatnonzero(wrong.max(axis=1) >= 0.5).tolist():
        doubted = [number for number in np.argsort(-wrong[row]).tolist() if wrong[row, number] >= 0.5]
        remarks = [f"{'has' if truth[row, number] else 'lacks'} {names[number]!r}" for number in doubted]
        suspected[sheet.labelled[row]] = (float(wrong[row].max()), f"probably wrong that it {' and '.join(remarks)}")
    return suspected
