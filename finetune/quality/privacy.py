"""Rows that seem to hold personal data."""

from __future__ import annotations

from collections import Counter

from core.datasets import Example
from core.texts.personal_data import personal_data
from finetune.quality.findings import Finding, quantity, row_findings
from finetune.quality.sheet import Sheet


def rows_with_personal_data(sheet: Sheet) -> list[Finding]:
    """Rows with personal data, which the finding shows only masked."""
    kinds = {index: found for index in sheet.with_text if (found := _kinds(sheet.examples[index]))}
    rows_of_kind = Counter(kind for found in kinds.values() for kind in found)
    named = ", ".join(f"{kind} in {rows:,}" for kind, rows in rows_of_kind.most_common())
    return row_findings(
        "personal_data",
        {index: ", ".join(found) for index, found in kinds.items()},
        sheet.examples,
        severity="warning",
        sentence=f"{quantity(len(kinds), 'row')} seem to contain personal data: {named}.",
        advice="Make sure that you may train on it, or replace it by a placeholder, both in training and in traffic.",
    )


def _kinds(example: Example) -> list[str]:
    texts = [example.text] if example.pair is None else [example.text, example.pair]
    return list(dict.fromkeys(found.kind for text in texts for found in personal_data(text)))
