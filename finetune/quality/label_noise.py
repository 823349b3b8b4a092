"""Rows whose label is probably wrong, and pairs of labels that are hard to distinguish.

Confident learning (Northcutt, Jiang & Chuang 2021) compares held-out probabilities with the given labels. cleanlab
counts the confused labels. `noise_model` selects the suspected rows, because the list of cleanlab contains many rows
that are only difficult (docs/data-quality.md compares the two).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.arrays import Indices, Numbers
from core.features import truth_matrix, truth_of
from core.progress import Progress, ignore
from core.share import percent
from finetune.quality.cross_validation import STAGE, held_out_logits
from finetune.quality.findings import MAX_EXAMPLES, Finding, quantity, row_findings, with_rows, with_share
from finetune.quality.limits import Limits
from finetune.quality.noise_model import NoiseModel, fit_noise_model
from finetune.quality.sheet import Sheet

CONFUSABLE_SHARE = 0.05
"""A pair of labels is confusable if this share of the rows of one label is confidently predicted as the other."""


def label_noise(
    sheet: Sheet, embeddings: Numbers, limits: Limits, *, seed: int, on_progress: Progress = ignore
) -> list[Finding]:
    """Suspected rows, the most probable first, and confusable labels; `embeddings` (n, d) are of `sheet.labelled`."""
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
        limits,
        label_count=len(rows.labels),
        seed=seed,
        on_progress=on_progress,
    )
    model = fit_noise_model(logits, rows.truth, seed=seed)
    suspected = _suspected_rows(rows, model)
    return [*_suspect_findings(sheet, suspected), *_confusable(sheet, rows, model, suspected)]


@dataclass(frozen=True)
class _TestableRows:
    """The rows of the labels with enough texts for all folds; `indices` are their row indices in the sheet."""

    labels: list[str]
    indices: list[int]
    truth: Indices
    embeddings: Numbers


def _testable_rows(sheet: Sheet, embeddings: Numbers, limits: Limits) -> _TestableRows:
    enough = [name for name, rows in sheet.rows_of_label.items() if len(sheet.distinct(rows)) >= limits.folds]
    truth = truth_of([sheet.examples[index] for index in sheet.labelled], enough)
    known = np.flatnonzero(truth >= 0)
    return _TestableRows(enough, [sheet.labelled[row] for row in known], truth[known], embeddings[known])


def _suspected_rows(rows: _TestableRows, model: NoiseModel) -> dict[int, tuple[float, str]]:
    """Maps row indices to (probability that the label is wrong, remark), for probabilities of at least one half."""
    predicted = model.probabilities.argmax(axis=1)
    return {
        rows.indices[row]: (
            float(model.wrong[row]),
            f"looks like {rows.labels[predicted[row]]!r} ({percent(model.probabilities[row, predicted[row]], 0)})",
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
        advice="Read them from the top and correct the labels; --fix --drop-suspects removes the rows.",
    )


def _confusable(
    sheet: Sheet, rows: _TestableRows, model: NoiseModel, suspected: dict[int, tuple[float, str]]
) -> list[Finding]:
    """Pairs of labels that confident learning finds confused; suspected rows are left out."""
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
    named = [f"{percent(shares[a, b], 0)} of {rows.labels[a]!r} look like {rows.labels[b]!r}" for a, b in pairs]
    predicted = model.probabilities[clear].argmax(axis=1)
    details = {
        rows.indices[clear[row]]: f"looks like {rows.labels[predicted[row]]!r}"
        for row in errors
        if (truth[row], predicted[row]) in set(pairs)
    }
    more = f"; and {len(pairs) - MAX_EXAMPLES} more." if len(pairs) > MAX_EXAMPLES else "."
    listed = "; ".join(named[:MAX_EXAMPLES])
    sentence = f"{quantity(len(pairs), 'pair')} of labels that are hard to distinguish: {listed}{more}"
    advice = "Write down how to distinguish them and label by it, or merge them."
    found = Finding("confusable_labels", "info", len(pairs), "pairs of labels", sentence, advice)
    return [with_rows(found, details, sheet.examples)]


def _confident_errors(truth: Indices, probabilities: Numbers) -> tuple[Indices, list[int]]:
    """(k, k) number of rows by given label and by confidently predicted other label, and the indices of these rows."""
    from cleanlab.count import compute_confident_joint  # takes a second to import

    counts, rows = compute_confident_joint(truth, probabilities, calibrate=False, return_indices_of_off_diagonals=True)
    counts = np.array(counts, dtype=np.int64)
    np.fill_diagonal(counts, 0)
    return counts, sorted(int(row) for row in rows)


def _multi_label_suspects(
    sheet: Sheet, embeddings: Numbers, limits: Limits, *, seed: int, on_progress: Progress
) -> dict[int, tuple[float, str]]:
    """Rows of a multi-label file with a label that is probably wrong or missing; each label is a binary problem."""
    examples = [sheet.examples[index] for index in sheet.labelled]
    groups = [sheet.keys[index] for index in sheet.labelled]
    names = _testable_labels(sheet, limits)
    truth = truth_matrix(examples, names).astype(np.int64)
    logits = []
    for number in range(len(names)):
        logits.append(held_out_logits(embeddings, truth[:, number], groups, limits, label_count=2, seed=seed))
        on_progress(STAGE, (number + 1) / len(names))
    return _suspects_by_label(sheet, names, truth, logits, seed=seed) if names else {}


def _testable_labels(sheet: Sheet, limits: Limits) -> list[str]:
    """Labels with enough positive and enough negative texts for all folds."""
    texts = len(sheet.distinct(sheet.labelled))
    sizes = {name: len(sheet.distinct(rows)) for name, rows in sheet.rows_of_label.items()}
    return [name for name, size in sizes.items() if limits.folds <= size <= texts - limits.folds]


def _suspects_by_label(
    sheet: Sheet, names: Sequence[str], truth: Indices, logits: Sequence[Numbers], *, seed: int
) -> dict[int, tuple[float, str]]:
    # A separate noise model per label: labels differ in difficulty.
    wrong = np.column_stack(
        [fit_noise_model(scored, truth[:, number], seed=seed).wrong for number, scored in enumerate(logits)]
    )
    suspected: dict[int, tuple[float, str]] = {}
    for row in np.flatnonzero(wrong.max(axis=1) >= 0.5).tolist():
        numbers = [number for number in np.argsort(-wrong[row]).tolist() if wrong[row, number] >= 0.5]
        remarks = [f"{'has' if truth[row, number] else 'lacks'} {names[number]!r}" for number in numbers]
        suspected[sheet.labelled[row]] = (float(wrong[row].max()), f"probably wrong that it {' and '.join(remarks)}")
    return suspected
