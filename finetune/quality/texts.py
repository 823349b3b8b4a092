"""Checks of the texts: missing, too short, too long."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.datasets import Example
from finetune.quality.findings import Finding, quantity, row_findings, severity_by_share, with_share
from finetune.quality.limits import Limits
from finetune.quality.sheet import Sheet

if TYPE_CHECKING:  # torch takes seconds to import, and most checks do not need it
    from finetune.encoders.encoder import TextTokenizer


def empty(sheet: Sheet) -> list[Finding]:
    """Rows without a text, without the second text of a pair, or without a label."""
    details = {index: remark for index, example in enumerate(sheet.examples) if (remark := _missing(example))}
    return row_findings(
        "empty",
        details,
        sheet.examples,
        severity="error",
        sentence=f"{quantity(len(details), 'row')} without a text or a label; training refuses such rows.",
        advice="Fill them or remove them; --fix removes them.",
        is_fixable=True,
    )


def _missing(example: Example) -> str:
    absent = {
        "text": not example.text.strip(),
        "second text": example.pair is not None and not example.pair.strip(),
        "label": example.label is None,
    }
    names = [name for name, is_absent in absent.items() if is_absent]
    return f"no {' and no '.join(names)}" if names else ""


def too_short(sheet: Sheet, limits: Limits) -> list[Finding]:
    """Texts with too few letters and digits."""
    sizes = {index: _letters(sheet.text(index)) for index in sheet.with_text}
    details = {index: quantity(size, "letter") for index, size in sizes.items() if size < limits.min_characters}
    return row_findings(
        "too_short",
        details,
        sheet.examples,
        severity="warning",
        sentence=f"{quantity(len(details), 'text')} with fewer than {limits.min_characters} letters or digits.",
        advice="Read them, and remove texts that a person could not label without context.",
    )


def _letters(text: str) -> int:
    """Number of letters and digits; a Chinese, Japanese or Korean character counts as three."""
    return sum(3 if character >= "\u2e80" else 1 for character in text if character.isalnum())


def over_length(sheet: Sheet, tokenizer: TextTokenizer) -> list[Finding]:
    """Texts that are truncated at the maximum length."""
    counts = tokenizer.lengths([sheet.examples[index].input for index in sheet.with_text])
    lengths = dict(zip(sheet.with_text, counts, strict=True))
    limit = tokenizer.max_length
    longest_first = sorted(lengths, key=lambda index: -lengths[index])
    details = {index: f"{lengths[index]} tokens" for index in longest_first if lengths[index] > limit}
    return row_findings(
        "over_length",
        details,
        sheet.examples,
        severity=severity_by_share(len(details), sheet.row_count),
        sentence=f"{with_share(len(details), sheet.row_count, 'text')} longer than {limit} tokens: "
        "the rest is not read.",
        advice="Raise finetune.max_length, or move what decides the label to the beginning of the text.",
    )


def all_unknown(sheet: Sheet, tokenizer: TextTokenizer) -> list[Finding]:
    """Texts of which the tokenizer knows nothing, so that all of them look the same to the model."""
    unread = tokenizer.unread([sheet.examples[index].input for index in sheet.with_text])
    details = {index: "no known token" for index, is_unread in zip(sheet.with_text, unread, strict=True) if is_unread}
    return row_findings(
        "all_unknown",
        details,
        sheet.examples,
        severity=severity_by_share(len(details), sheet.row_count),
        sentence=f"{with_share(len(details), sheet.row_count, 'text')} without a token that the base model knows.",
        advice="Remove them, or name a base model of their language or script with --base-model.",
    )
