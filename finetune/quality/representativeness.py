"""Whether two files have the same distribution, by the tests that monitoring uses for traffic."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

import numpy as np

from core.arrays import Indices, Numbers
from core.share import percent
from core.two_sample.distances import distance_to_nearest, distance_to_nearest_other
from core.two_sample.permutation import min_p_adjusted, permuted_table
from core.two_sample.statistics import Statistic, chi_square, kolmogorov_smirnov, maximum_mean_discrepancy
from finetune.quality.findings import Finding, quantity, with_rows
from finetune.quality.limits import Limits
from finetune.quality.sheet import Sheet

ADVICE = "Collect rows like those that the model will answer, or expect a lower accuracy there."


@dataclass(frozen=True)
class FileSample:
    """Rows of one file: indices in its sheet, embeddings (n, d), lengths in tokens (n,), and the label of each row."""

    indices: list[int]
    embeddings: Numbers
    lengths: Indices
    labels: list[str | None]

    def sample(self, limit: int, rng: np.random.Generator) -> FileSample:
        kept = np.sort(rng.permutation(len(self.indices))[:limit])
        return FileSample(
            [self.indices[row] for row in kept],
            self.embeddings[kept],
            self.lengths[kept],
            [self.labels[row] for row in kept],
        )


def representativeness(
    sheet: Sheet, this: FileSample, other: FileSample, limits: Limits, *, seed: int
) -> list[Finding]:
    """A finding if the rows of `this` file differ significantly from the rows of the `other` file."""
    if min(len(this.indices), len(other.indices)) < limits.min_rows:
        return [_too_few(this, other, limits)]
    rng = np.random.default_rng(seed)
    reference, sample = other.sample(limits.max_rows, rng), this.sample(limits.max_rows, rng)
    p_values = p_values_of(reference, sample, limits, is_multi_label=sheet.is_multi_label, seed=seed)
    different = {name: p_value for name, p_value in p_values.items() if p_value <= limits.alpha}
    return [_difference(sheet, sample, reference, different, limits)] if different else []


def p_values_of(
    reference: FileSample, sample: FileSample, limits: Limits, *, is_multi_label: bool = False, seed: int
) -> dict[str, float]:
    """Permutation p-values of the statistics, corrected for multiple testing."""
    statistics: dict[str, Statistic] = {
        "meaning": maximum_mean_discrepancy(np.concatenate([reference.embeddings, sample.embeddings])),
        "length": kolmogorov_smirnov(np.concatenate([reference.lengths, sample.lengths])),
    }
    # Label sets have too many categories for a test, and traffic has no labels.
    if not is_multi_label and None not in reference.labels + sample.labels:
        codes = np.unique([str(label) for label in reference.labels + sample.labels], return_inverse=True)[1]
        statistics["labels"] = chi_square(codes)
    table = permuted_table(
        list(statistics.values()),
        reference_rows=len(reference.indices),
        window_rows=len(sample.indices),
        resamples=max(limits.resamples, ceil(2 / limits.alpha)),
        seed=seed,
    )
    return dict(zip(statistics, min_p_adjusted(table).tolist(), strict=True))


def _too_few(this: FileSample, other: FileSample, limits: Limits) -> Finding:
    sentence = (
        f"Too few rows to compare the files: {len(this.indices)} and {len(other.indices)}, "
        f"{limits.min_rows} of each are needed."
    )
    return Finding("representativeness", "info", 0, "rows", sentence, "Add rows to both files.")


def _difference(
    sheet: Sheet, sample: FileSample, reference: FileSample, different: dict[str, float], limits: Limits
) -> Finding:
    novelty = _novelty(sample.embeddings, reference.embeddings)
    uncovered = float((_novelty(reference.embeddings, sample.embeddings) > 1).mean())
    rows = [row for row in np.argsort(-novelty, kind="stable").tolist() if novelty[row] > 1]
    named = ", ".join(f"{name} (p = {p_value:.2g})" for name, p_value in different.items())
    sentence = (
        f"The rows differ from the other file in {named}. {quantity(len(rows), 'row')} of {len(novelty):,} compared "
        f"({percent(len(rows) / len(novelty), 0)}) are unlike all rows there, and {percent(uncovered, 0)} of the "
        "rows there are unlike all rows here (1 % of each are expected)."
    )
    found = Finding("representativeness", "warning", len(rows), "rows", sentence, ADVICE)
    details = {sample.indices[row]: "unlike all rows of the other file" for row in rows}
    return with_rows(found, details, sheet.examples)


def _novelty(rows: Numbers, reference: Numbers) -> Numbers:
    """(n,) distance to the nearest reference row; 1 is the 99 % quantile of this distance between reference rows."""
    scale = np.quantile(distance_to_nearest_other(reference), 0.99)
    novelty: Numbers = distance_to_nearest(rows, reference) / max(float(scale), 1e-12)
    return novelty
