"""Rows in another language than the rest of the file, detected by common words (`core.texts.languages`)."""

from __future__ import annotations

from collections import Counter

from core.texts.languages import language_of
from finetune.quality.findings import Finding, row_findings, severity_by_share, with_share
from finetune.quality.sheet import Sheet

MIN_ROWS = 20
"""Rows that a language needs to be the main language of a file."""


def foreign_languages(sheet: Sheet) -> list[Finding]:
    guesses = {index: language_of(sheet.text(index)) for index in sheet.with_text}
    known = Counter(language for language in guesses.values() if language)
    if not known or known.most_common(1)[0][1] < MIN_ROWS:
        return []
    main_language = known.most_common(1)[0][0]
    details = {index: f"looks {language}" for index, language in guesses.items() if language not in {"", main_language}}
    others = Counter(guesses[index] for index in details)
    named = ", ".join(f"{language} {rows:,}" for language, rows in others.most_common())
    return row_findings(
        "language",
        details,
        sheet.examples,
        severity=severity_by_share(len(details), sheet.row_count),
        sentence=f"{with_share(len(details), sheet.row_count)} in another language than {main_language} "
        f"by their common words: {named}.",
        advice="Check that the base model knows these languages and that the rows belong here.",
    )
