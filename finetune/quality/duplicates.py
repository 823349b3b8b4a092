"""Duplicate texts: exact and near, with equal and with different labels, in one file and between two files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from core.share import percent
from core.texts.near_duplicates import NearPair
from finetune.quality.findings import Finding, quantity, row_findings, severity_by_share, with_share
from finetune.quality.sheet import Sheet


def duplicate_groups(sheet: Sheet, indices: list[int]) -> list[list[int]]:
    """Groups of two or more rows with the same text, in the order of their first rows."""
    groups: dict[str, list[int]] = {}
    for index in indices:
        groups.setdefault(sheet.keys[index], []).append(index)
    return [group for group in groups.values() if len(group) > 1]


def duplicate_rows(sheet: Sheet) -> dict[int, int]:
    """Maps each row to an earlier one with the same text and label.

    Texts with several labels are left out: the number of copies with each label is evidence for that label.
    """
    return {
        index: group[0]
        for group in duplicate_groups(sheet, sheet.with_text)
        if len({sheet.examples[member].label for member in group}) == 1
        for index in group[1:]
    }


def duplicates(sheet: Sheet) -> list[Finding]:
    first_of = dict(sorted(duplicate_rows(sheet).items()))
    return row_findings(
        "duplicates",
        {index: f"the same text as row {first + 1}" for index, first in first_of.items()},
        sheet.examples,
        severity="warning",
        sentence=f"{with_share(len(first_of), sheet.row_count)} repeat an earlier row, ignoring case and blanks.",
        advice="Keep the first of each, as --fix does, unless the traffic has such repetitions, too.",
        is_fixable=True,
    )


def conflicting_labels(sheet: Sheet) -> list[Finding]:
    """Texts with different labels."""
    groups = [group for group in duplicate_groups(sheet, sheet.labelled) if _label_count(sheet, group) > 1]
    details = dict(remark for group in groups for remark in _remarks(sheet, group))
    return row_findings(
        "conflicting_labels",
        details,
        sheet.examples,
        severity="warning",
        sentence=f"{quantity(len(groups), 'text')} with more than one label, in {quantity(len(details), 'row')}.",
        advice="Decide which label is right; --fix --drop-conflicts removes the rows without a majority label.",
    )


def rows_without_majority(sheet: Sheet) -> dict[int, str]:
    """Maps each row to remove, of the texts with several labels, to a remark.

    If a label has more than half of a text's rows, its first row is kept; else all rows are removed.
    """
    dropped: dict[int, str] = {}
    for group in duplicate_groups(sheet, sheet.labelled):
        votes = Counter(sheet.examples[index].label for index in group)
        if len(votes) > 1:
            label, most = votes.most_common(1)[0]
            has_majority = most * 2 > len(group)
            kept = next(index for index in group if sheet.examples[index].label == label) if has_majority else None
            named = ", ".join(f"{name!r} {count}" for name, count in votes.most_common())
            dropped.update((index, f"its text has the labels {named}") for index in group if index != kept)
    return dropped


def _label_count(sheet: Sheet, group: list[int]) -> int:
    return len({sheet.examples[index].label for index in group})


def _remarks(sheet: Sheet, group: list[int]) -> Iterator[tuple[int, str]]:
    for index in group:
        own = sheet.examples[index].label
        other = next(member for member in group if sheet.examples[member].label != own)
        yield index, f"row {other + 1} has the label {sheet.examples[other].label!r}"


def near_duplicates(sheet: Sheet, pairs: list[NearPair]) -> list[Finding]:
    """Rows that are nearly equal to an earlier row; `pairs` are pairs of rows of this sheet."""
    details: dict[int, str] = {}
    relabelled = 0
    for pair in sorted(pairs, key=lambda pair: -pair.similarity):
        if pair.second not in details:
            is_relabelled = len({sheet.examples[pair.first].label, sheet.examples[pair.second].label} - {None}) > 1
            relabelled += is_relabelled
            label = f", which has the label {sheet.examples[pair.first].label!r}" if is_relabelled else ""
            details[pair.second] = f"{percent(pair.similarity, 0)} similar to row {pair.first + 1}{label}"
    return row_findings(
        "near_duplicates",
        details,
        sheet.examples,
        severity="info",
        sentence=f"{with_share(len(details), sheet.row_count)} nearly repeat an earlier row"
        + (f", {relabelled:,} of them with another label." if relabelled else "."),
        advice="Check whether they are copies or templates: they add little information, and if they are split between "
        "training and validation, the measured accuracy is too high.",
    )


def leakage(sheet: Sheet, against: Sheet) -> list[Finding]:
    """Rows whose text is also in the other file."""
    details = {
        index: f"the same text as row {row + 1} of the other file" for index, row in leaked_rows(sheet, against).items()
    }
    return row_findings(
        "leakage",
        details,
        sheet.examples,
        severity="warning",
        sentence=f"{quantity(len(details), 'row')} have a text that is also in the other file: a model trained on this "
        "file would have too high an accuracy on the other.",
        advice="Remove them from one of the two files; --fix removes them from this one.",
        is_fixable=True,
    )


def leaked_rows(sheet: Sheet, against: Sheet) -> dict[int, int]:
    """Maps each row to the first row of `against` with the same text."""
    first_of = {against.keys[index]: index for index in reversed(against.with_text)}
    return {index: first_of[sheet.keys[index]] for index in sheet.with_text if sheet.keys[index] in first_of}


def near_leakage(sheet: Sheet, pairs: list[NearPair]) -> list[Finding]:
    """Rows that are nearly equal to a row of the other file; `pairs` are pairs of a row of each file."""
    closest: dict[int, NearPair] = {}
    for pair in sorted(pairs, key=lambda pair: -pair.similarity):
        closest.setdefault(pair.first, pair)
    return row_findings(
        "near_leakage",
        {
            index: f"{percent(pair.similarity, 0)} similar to row {pair.second + 1} of the other file"
            for index, pair in closest.items()
        },
        sheet.examples,
        severity=severity_by_share(len(closest), sheet.row_count),
        sentence=f"{with_share(len(closest), sheet.row_count)} nearly repeat a row of the other file.",
        advice="Check whether they are copies. If so, split the data by source instead of by row.",
    )
