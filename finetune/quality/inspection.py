"""Runs all checks, or only the quick checks, on a file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from core.datasets import Example
from core.progress import Progress, ignore
from core.texts.near_duplicates import NearPair, near_pairs
from finetune.quality.duplicates import conflicting_labels, duplicates, leakage, near_duplicates, near_leakage
from finetune.quality.findings import Finding, Severity, quantity
from finetune.quality.labels import few_rows, imbalance, label_names, too_few_labels
from finetune.quality.languages import foreign_languages
from finetune.quality.limits import DEFAULT_LIMITS, Limits
from finetune.quality.privacy import rows_with_personal_data
from finetune.quality.representativeness import FileSample, representativeness
from finetune.quality.scripts import foreign_scripts
from finetune.quality.sheet import Sheet
from finetune.quality.texts import all_unknown, empty, over_length, too_short

if TYPE_CHECKING:  # torch takes seconds to import, and the quick checks do not need it
    from finetune.encoders.encoder import TextTokenizer
    from finetune.encoders.frozen import FrozenEncoder


SEVERITIES: tuple[Severity, ...] = ("error", "warning", "info")

QUICK = (
    "empty",
    "too_short",
    "over_length",
    "all_unknown",
    "too_few_labels",
    "label_names",
    "few_rows",
    "imbalance",
    "duplicates",
    "near_duplicates",
    "conflicting_labels",
    "script",
    "language",
    "personal_data",
)
QUICK_AGAINST = ("leakage", "near_leakage", "unknown_labels")
BY_EMBEDDINGS = ("label_noise", "confusable_labels", "outliers")
BY_EMBEDDINGS_AGAINST = ("representativeness",)


def checks_made(*, is_quick: bool, has_other: bool, is_multi_label: bool = False) -> list[str]:
    """The names of the checks that an inspection runs."""
    made = [*QUICK, *(QUICK_AGAINST if has_other else ())]
    if not is_quick:
        made += [*BY_EMBEDDINGS, *(BY_EMBEDDINGS_AGAINST if has_other else ())]
    return [name for name in made if not (is_multi_label and name == "confusable_labels")]


def inspect(
    examples: Sequence[Example],
    *,
    frozen: FrozenEncoder | None,
    against: Sequence[Example] | None = None,
    is_multi_label: bool = False,
    seed: int = 0,
    limits: Limits = DEFAULT_LIMITS,
    on_progress: Progress = ignore,
) -> list[Finding]:
    """Run all checks; the findings are sorted by severity. `against` are the rows of a file to compare with.

    Rows may have an empty text or the label None. Without `frozen`, the checks that need embeddings or tokens are
    skipped. Row numbers count from 1 in the order of `examples`.
    """
    tokenizer = frozen.tokenizer if frozen else None
    found = inspect_quickly(
        examples, against, tokenizer=tokenizer, is_multi_label=is_multi_label, limits=limits, on_progress=on_progress
    )
    if frozen:
        sheet = Sheet(examples, is_multi_label)
        other = Sheet(against, is_multi_label) if against else None
        found += _by_embeddings(sheet, other, frozen, limits, seed=seed, on_progress=on_progress)
    return _by_severity(found)


def inspect_quickly(
    examples: Sequence[Example],
    against: Sequence[Example] | None = None,
    *,
    tokenizer: TextTokenizer | None = None,
    is_multi_label: bool = False,
    limits: Limits = DEFAULT_LIMITS,
    on_progress: Progress = ignore,
) -> list[Finding]:
    """Run the checks that need no embeddings, in seconds for 10,000 rows; those of tokens run only with `tokenizer`."""
    sheet = Sheet(examples, is_multi_label)
    other = Sheet(against, is_multi_label) if against else None
    on_progress("Reading the rows", 0.0)
    found = [
        *empty(sheet),
        *too_short(sheet, limits),
        *(over_length(sheet, tokenizer) if tokenizer and sheet.with_text else []),
        *(all_unknown(sheet, tokenizer) if tokenizer and sheet.with_text else []),
        *too_few_labels(sheet),
        *label_names(sheet),
        *few_rows(sheet, limits),
        *imbalance(sheet, limits),
        *duplicates(sheet),
        *conflicting_labels(sheet),
        *foreign_scripts(sheet),
        *foreign_languages(sheet),
        *rows_with_personal_data(sheet),
        *(leakage(sheet, other) if other else []),
        *(_unknown_labels(sheet, other) if other else []),
    ]
    on_progress("Looking for near duplicates", 0.0)
    within, across = _near_pairs(sheet, other, limits)
    return _by_severity([*found, *near_duplicates(sheet, within), *(near_leakage(sheet, across))])


def _by_severity(found: list[Finding]) -> list[Finding]:
    return sorted(found, key=lambda finding: SEVERITIES.index(finding.severity))


def _near_pairs(sheet: Sheet, other: Sheet | None, limits: Limits) -> tuple[list[NearPair], list[NearPair]]:
    """Pairs of nearly equal texts within `sheet`, and between `sheet` and `other`; equal texts are left out."""
    own = sheet.distinct(sheet.with_text)
    known = {sheet.keys[index] for index in own}
    new = [index for index in other.distinct(other.with_text) if other.keys[index] not in known] if other else []
    keys = [sheet.keys[index] for index in own] + [other.keys[index] for index in new if other]
    within, across = [], []
    for pair in near_pairs(keys, threshold=limits.near_similarity):
        if pair.second < len(own):
            within.append(NearPair(own[pair.first], own[pair.second], pair.similarity))
        elif pair.first < len(own):
            across.append(NearPair(own[pair.first], new[pair.second - len(own)], pair.similarity))
    return within, across


def _unknown_labels(sheet: Sheet, other: Sheet) -> list[Finding]:
    """Labels of the other file that this file does not have."""
    unknown = [name for name in other.rows_of_label if name not in sheet.rows_of_label]
    if not unknown or not sheet.rows_of_label:
        return []
    rows = sum(len(other.rows_of_label[name]) for name in unknown)
    named = ", ".join(map(repr, unknown[:5])) + (f" and {len(unknown) - 5} more" if len(unknown) > 5 else "")
    sentence = (
        f"{quantity(len(unknown), 'label')} of the other file ({quantity(rows, 'row')}) not in this one: {named}."
    )
    advice = "Add rows of them here, or remove them there: a model never predicts a label without training rows."
    return [Finding("unknown_labels", "error", len(unknown), "labels", sentence, advice)]


def _by_embeddings(
    sheet: Sheet, other: Sheet | None, frozen: FrozenEncoder, limits: Limits, *, seed: int, on_progress: Progress
) -> list[Finding]:
    from finetune.quality.label_noise import label_noise
    from finetune.quality.outliers import outliers

    if not sheet.with_text:
        return []
    inputs = [sheet.examples[index].input for index in sheet.with_text]
    embeddings = frozen.embeddings(inputs, on_progress=on_progress)
    row_of = {index: row for row, index in enumerate(sheet.with_text)}
    labelled = embeddings[[row_of[index] for index in sheet.labelled]]
    found = []
    if sheet.labelled:
        found += label_noise(sheet, labelled, limits, seed=seed, on_progress=on_progress)
    on_progress("Looking for outliers", 0.0)
    found += outliers(sheet, embeddings, limits, seed=seed)
    if other and other.with_text:
        this = _file_sample(sheet, frozen, limits, seed=seed, on_progress=on_progress)
        there = _file_sample(other, frozen, limits, seed=seed, on_progress=on_progress)
        on_progress("Comparing the files", 0.0)
        found += representativeness(sheet, this, there, limits, seed=seed)
    return found


def _file_sample(
    sheet: Sheet, frozen: FrozenEncoder, limits: Limits, *, seed: int, on_progress: Progress
) -> FileSample:
    """At most `limits.max_rows` rows, sampled before they are embedded."""
    drawn = np.random.default_rng(seed).permutation(len(sheet.with_text))[: limits.max_rows]
    indices = [sheet.with_text[row] for row in np.sort(drawn)]
    inputs = [sheet.examples[index].input for index in indices]
    return FileSample(
        indices,
        frozen.embeddings(inputs, on_progress=on_progress),
        np.array(frozen.tokenizer.lengths(inputs), dtype=np.int64),
        [sheet.examples[index].label for index in indices],
    )
