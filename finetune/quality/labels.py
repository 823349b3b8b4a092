"""Checks of the labels: too few labels, their names, labels with few rows, class imbalance."""

from __future__ import annotations

from collections.abc import Sequence

from core.resemblance import NameIndex, is_no_name
from finetune.quality.findings import MAX_EXAMPLES, Finding, quantity, with_rows
from finetune.quality.limits import Limits
from finetune.quality.sheet import Sheet

NEEDED = 2
"""Distinct texts that a label needs, one to train on and one to validate on; with one it is not validated."""


def too_few_labels(sheet: Sheet) -> list[Finding]:
    names = list(sheet.rows_of_label)
    needed = 1 if sheet.is_multi_label else 2
    if not sheet.labelled or len(names) >= needed:
        return []
    sentence = f"The rows have {quantity(len(names), 'label')}; training needs at least {needed}."
    return [Finding("too_few_labels", "error", len(names), "labels", sentence, "Add rows of another label.")]


def label_names(sheet: Sheet) -> list[Finding]:
    """Names that differ so little that they probably mean one label, and names that look like a score or no value."""
    sizes = {name: len(rows) for name, rows in sheet.rows_of_label.items()}
    found = []
    if pairs := list(NameIndex(sizes).pairs()):
        listed = [f"{one!r} ({sizes[one]}) and {two!r} ({sizes[two]})" for one, two in pairs]
        sentence = f"{quantity(len(pairs), 'pair')} of labels with nearly the same name: {_first(listed)}."
        rarer = [min(pair, key=lambda name: sizes[name]) for pair in pairs]
        finding = Finding("label_names", "warning", len(pairs), "pairs", sentence, "Give one label one spelling.")
        found.append(_with_rows_of(sheet, finding, rarer, "named nearly as another label is"))
    if odd := [name for name in sizes if is_no_name(name)]:
        listed = [f"{name!r} ({sizes[name]})" for name in odd]
        sentence = f"{quantity(len(odd), 'label')} like a score or an empty value: {_first(listed)}."
        advice = "Check that the columns are not mixed up, and leave the label of a row without one empty."
        finding = Finding("label_names", "warning", len(odd), "labels", sentence, advice)
        found.append(_with_rows_of(sheet, finding, odd, "a score or an empty value as label"))
    return found


def _with_rows_of(sheet: Sheet, finding: Finding, names: Sequence[str], remark: str) -> Finding:
    rows = [index for name in dict.fromkeys(names) for index in sheet.rows_of_label[name]]
    return with_rows(finding, dict.fromkeys(rows, remark), sheet.examples)


def _first(listed: Sequence[str]) -> str:
    more = len(listed) - MAX_EXAMPLES
    return ", ".join(listed[:MAX_EXAMPLES]) + (f" and {more} more" if more > 0 else "")


def few_rows(sheet: Sheet, limits: Limits) -> list[Finding]:
    """Labels with too few distinct texts to validate, or to train and measure well."""
    texts = {name: sheet.distinct(rows) for name, rows in sheet.rows_of_label.items()}
    few = {name: rows for name, rows in texts.items() if len(rows) < limits.min_rows_of_label}
    needed = 0 if sheet.is_multi_label else NEEDED
    single = {name: rows for name, rows in few.items() if len(rows) < needed}
    rest = {name: rows for name, rows in few.items() if name not in single}
    return [
        *_few(
            sheet,
            single,
            needed,
            "Add texts: these are trained, but not validated; finetune --rare drop leaves them out.",
        ),
        *_few(
            sheet,
            rest,
            limits.min_rows_of_label,
            "Add texts of these labels, or merge them with others: so few can be neither learned nor measured well.",
        ),
    ]


def _few(sheet: Sheet, few: dict[str, list[int]], needed: int, advice: str) -> list[Finding]:
    if not few:
        return []
    fewest_first = sorted(few, key=lambda name: (len(few[name]), name))
    remarks = [
        (index, f"one of {quantity(len(few[name]), 'text')} of {name!r}")
        for name in fewest_first
        for index in few[name]
    ]
    sentence = f"{quantity(len(few), 'label')} with fewer than {needed} different texts: {_sizes(few, fewest_first)}."
    found = Finding("few_rows", "warning", len(few), "labels", sentence, advice)
    return [with_rows(found, dict(remarks), sheet.examples)]


def _sizes(rows: dict[str, list[int]], names: list[str]) -> str:
    return _first([f"{name!r} {len(rows[name])}" for name in names])


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
