"""Rows in another script than the rest of the file, and rows with mixed scripts."""

from __future__ import annotations

import re
from collections import Counter

from core.texts.scripts import letters_by_script, main_script
from finetune.quality.findings import Finding, row_findings, severity_by_share, with_share
from finetune.quality.sheet import Sheet

MIXED_SHARE = 0.2
"""A text has mixed scripts if at least this share of its letters is in a second script."""
LOOK_ALIKES = ({"Latin", "Cyrillic"}, {"Latin", "Greek"})
_SHORTEST_WORD = 4
_WORD = re.compile(r"[^\W\d_]+")


def foreign_scripts(sheet: Sheet) -> list[Finding]:
    scripts = {index: letters_by_script(sheet.text(index)) for index in sheet.with_text}
    main_scripts = Counter(script for counts in scripts.values() if (script := main_script(counts)))
    if not main_scripts:
        return []
    file_script = main_scripts.most_common(1)[0][0]
    details = {
        index: remark
        for index, counts in scripts.items()
        if (remark := _remark(sheet.text(index), counts, file_script))
    }
    return row_findings(
        "script",
        details,
        sheet.examples,
        severity=severity_by_share(len(details), sheet.row_count),
        sentence=f"{with_share(len(details), sheet.row_count)} in another script than {file_script}, "
        "or in several at once.",
        advice="Check that the base model knows these scripts and that the rows belong here.",
    )


def _remark(text: str, counts: Counter[str], file_script: str) -> str:
    own = main_script(counts)
    if own and own != file_script and not (own == "Han" and file_script in {"Japanese", "Korean"}):
        return f"mostly {own}"
    if words := [] if text.isascii() else _words_of_look_alikes(text):
        return f"{words[0]!r} mixes {' and '.join(sorted(letters_by_script(words[0])))} letters"
    # Latin is never a second script: texts in every script contain names in Latin letters.
    second = [script for script in counts if script not in {own, "Latin", "Han"}]
    if second and sum(counts[script] for script in second) >= MIXED_SHARE * counts.total():
        return f"{own} with {' and '.join(sorted(second))}"
    return ""


def _words_of_look_alikes(text: str) -> list[str]:
    """Words with look-alike letters of two scripts, such as 'pаypal' with a Cyrillic а."""
    return [
        word
        for word in _WORD.findall(text)
        if len(word) >= _SHORTEST_WORD and any(pair <= set(letters_by_script(word)) for pair in LOOK_ALIKES)
    ]
