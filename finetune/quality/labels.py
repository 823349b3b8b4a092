"""Checks of the labels: too few labels, labels with few rows, class imbalance."""

from __future__ import annotations

from finetune.quality.findings import MAX_EXAMPLES, Finding, Severity, quantity, with_rows
from finetune.quality.limits import Limits
from finetune.quality.sheet import Sheet

NEEDED = 2
"""Distinct texts that a label needs, one to train on and one to validate on."""


def too_few_labels(sheet: Sheet) -> list[Finding]:
    names = list(sheet.rows_of_label)
    needed = 1 if sheet.is_multi_label else 2
    if not sheet.labelled or len(names) >= needed:
        return []
    sentence = f"The rows have {quantity(len(names), 'label')}; training needs at least {needed}."
    return [Finding("too_few_labels", "error", len(names), "labels", sentence, "Add rows of another label.")]


def few_rows(sheet: Sheet, limits: Limits) -> list[Finding]:
    """Labels with too few distinct texts to train (error), or to train and measure well (warning)."""
    texts = {name: sheet.distinct(rows) for name, rows in sheet.rows_of_label.items()}
    few = {name: rows for name, rows in texts.items() if len(rows) < limits.min_rows_of_label}
    needed = 0 if sheet.is_multi_label else NEEDED
    impossible = {name: rows for name, rows in few.items() if len(rows) < needed}
    rest = {name: rows for name, rows in few.items() if name not in impossible}
    return [
        *_few(sheet, impossible, needed, "error", "Add texts of these labels, or remove their rows."),
        *_few(
            sheet,
            rest,
            limits.min_rows_of_label,
            "warning",
            "Add texts of these labels, or merge them with others: so few can be neither learned nor measured well.",
        ),
    ]


def _few(sheet: Sheet, few: dict[str, list[int]], needed: int, severity: Severity, advice: str) -> list[Finding]:
    if not few:
        return []
    fewest_first = sorted(few, key=lambda name: (len(few[name]), name))
    remarks = [
        (index, f"one of {quantity(len(few[name]), 'text')} of {name!r}")
        for name in fewest_first
        for index in few[name]
    ]
    sentence = f"{quantity(len(few), 'label')} with fewer than {needed} different texts: {_sizes(few, fewest_first)}."
    found = Finding("few_rows", severity, len(few), "labels", sentence, advice)
    return [with_rows(found, dict(remarks), sheet.examples)]


def _sizes(rows: dict[str, list[int]], names: list[str]) -> str:
    more = len(names) - MAX_EXAMPLES
    listed = ", ".join(f"{name!r} {len(rows[name])}" for name in names[:MAX_EXAMPLES])
    return f"{listed} and {more} more" if more > 0 else listed


def imbalance(sheet: Sheet, limits: Limits) -> list[Finding]:
    """The largest label has many times the rows of the smallest."""
    sizes = {name: len(rows) for name, rows in sheet.rows_of_label.items()}
    if len(sizes) < 2:
        return []
    largest, smallest = max(sizes, key=lambda name: sizes[name]), min(sizes, key=lambda name: sizes[name])
    ratio = sizes[largest] / sizes[smallest]
    if ratio < limits.max_imbalance:
        return []
    small = sum(size * limits.max_imbalance <= sizes[largest] for size in sizes.values())
    sentence = (
        f"{largest!r} has {quantity(sizes[largest], 'row')} and {smallest!r} has {sizes[smallest]}: {ratio:.0f} to 1."
    )
    advice = "Measure macro F1 instead of accuracy, use class weights, or add rows of the rare labels."
    return [Finding("imbalance", "warning", small, "labels", sentence, advice)]
