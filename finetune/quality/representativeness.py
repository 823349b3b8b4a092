"""Does this file look like that one? The test that monitoring makes of traffic, on rows of two files."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

import numpy as np

from core.metrics import Floats, Indices
from core.two_sample.distances import distance_to_nearest, distance_to_nearest_other
from core.two_sample.permutation import min_p_adjusted, permuted_table
from core.two_sample.statistics import Statistic, chi_square, kolmogorov_smirnov, maximum_mean_discrepancy
from finetune.quality.findings import Finding, counted, with_rows
from finetune.quality.limits import Limits
from finetune.quality.sheet import Sheet

ADVICE = "Collect rows like those that the model shall answer for, or expect it to answer them worse than these."


@dataclass(frozen=True)
class Side:
    """Rows of one file: their indices in its sheet, embeddings (n, d), lengths (n,) in tokens, and labels."""

    indices: list[int]
    embeddings: Floats
    lengths: Indices
    labels: list[str | None]

    def sample(self, limit: int, random: np.random.Generator) -> Side:
        kept = np.sort(random.permutation(len(self.indices))[:limit])
        return Side(
            [self.indices[row] for row in kept],
            self.embeddings[kept],
            self.lengths[kept],
            [self.labels[row] for row in kept],
        )


def representativeness(sheet: Sheet, here: Side, there: Side, limits: Limits, *, seed: int) -> list[Finding]:
    """Whether the rows `here` differ from those of the other file by more than chance explains."""
    if min(len(here.indices), len(there.indices)) < limits.min_rows:
        return [_too_few(here, there, limits)]
    random = np.random.default_rng(seed)
    usual, present = there.sample(limits.max_rows, random), here.sample(limits.max_rows, random)
    p_values = compared(usual, present, limits, is_multi_label=sheet.is_multi_label, seed=seed)
    different = {name: p_value for name, p_value in p_values.items() if p_value <= limits.alpha}
    return [_unlike(sheet, present, usual, different, limits)] if different else []


def compared(
    usual: Side, present: Side, limits: Limits, *, is_multi_label: bool = False, seed: int
) -> dict[str, float]:
    """The p-value of each feature, corrected for their number: permutations at the actual sizes."""
    statistics: dict[str, Statistic] = {
        "meaning": maximum_mean_discrepancy(np.concatenate([usual.embeddings, present.embeddings])),
        "length": kolmogorov_smirnov(np.concatenate([usual.lengths, present.lengths])),
    }
    # Sets of labels are too many categories for a test, and a file of traffic has no labels at all.
    if not is_multi_label and None not in usual.labels + present.labels:
        codes = np.unique([str(label) for label in usual.labels + present.labels], return_inverse=True)[1]
        statistics["labels"] = chi_square(codes)
    table = permuted_table(
        list(statistics.values()),
        reference_rows=len(usual.indices),
        window_rows=len(present.indices),
        resamples=max(limits.resamples, ceil(2 / limits.alpha)),
        seed=seed,
    )
    return dict(zip(statistics, min_p_adjusted(table).tolist(), strict=True))


def _too_few(here: Side, there: Side, limits: Limits) -> Finding:
    sentence = (
        f"Too few rows to tell whether the files look alike: {len(here.indices)} and {len(there.indices)}, "
        f"{limits.min_rows} of each are needed."
    )
    return Finding("representativeness", "info", 0, "rows", sentence, "Give more rows of both.")


def _unlike(sheet: Sheet, present: Side, usual: Side, different: dict[str, float], limits: Limits) -> Finding:
    strange = _strange(present.embeddings, usual.embeddings)
    uncovered = float((_strange(usual.embeddings, present.embeddings) > 1).mean())
    rows = [row for row in np.argsort(-strange, kind="stable").tolist() if strange[row] > 1]
    named = ", ".join(f"{name} (p = {p_value:.2g})" for name, p_value in different.items())
    sentence = (
        f"The rows differ from the other file in {named}. {counted(len(rows), 'row')} of {len(strange):,} compared "
        f"({len(rows) / len(strange):.0%}) look like nothing there, and {uncovered:.0%} of the rows there like "
        "nothing here (1% expected of each)."
    )
    found = Finding("representativeness", "warning", len(rows), "rows", sentence, ADVICE)
    details = {present.indices[row]: "looks like nothing in the other file" for row in rows}
    return with_rows(found, details, sheet.examples)


def _strange(rows: Floats, reference: Floats) -> Floats:
    """(n,) distance to the nearest reference row, in units of what 99 % of the reference rows stay below."""
    usual = np.quantile(distance_to_nearest_other(reference), 0.99)
    strange: Floats = distance_to_nearest(rows, reference) / max(float(usual), 1e-12)
    return strange
