"""What differs between two versions, in words, for commands and pages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from core.labelling.changes import LabelChanges
from core.share import Share, percent
from core.version_diff.answers import Answers
from core.version_diff.training import RowsDiff

SHOWN, SHOWN_CHARACTERS = 8, 60
LEVEL = 0.05


def label_words(labels: LabelChanges, renamed: dict[str, str]) -> list[str]:
    """`renamed`: labels that a rule calls otherwise, with their names of today.

    >>> label_words(LabelChanges(["a"], ["b"]), {"c": "d"})
    ['labels added: a', 'labels removed: b', 'labels renamed by a rule: c → d']
    """
    parts = {
        "labels added": labels.came,
        "labels removed": labels.gone,
        "labels perhaps renamed": _arrows(labels.renamed),
        "labels renamed by a rule": _arrows(renamed),
    }
    return [f"{words}: {listed(names)}" for words, names in parts.items() if names]


def rows_words(rows: RowsDiff) -> str:
    """
    >>> rows_words(RowsDiff(3, 2, 1, 0))
    'training texts: 2 added, 1 removed, 3 in both'
    """
    again = f", of which {rows.relabelled} have another label" if rows.relabelled else ""
    return f"training texts: {rows.added} added, {rows.removed} removed, {rows.common} in both{again}"


def compared_words(found: Answers) -> str:
    """Whether the difference of the accuracies may be chance."""
    if not found.wins + found.losses:
        return "none won, none lost"
    verdict = "a difference" if found.p_value <= LEVEL else "it may be chance"
    return f"{found.wins} won, {found.losses} lost, {verdict} (p = {found.p_value:.2g})"


def share_words(share: Share) -> str:
    """
    >>> share_words(Share(0.9, 0.8, 0.95, 40))
    '90.0 % (80.0 % to 95.0 %)'
    """
    return f"{percent(share.value)} ({percent(share.low)} to {percent(share.high)})"


def listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more


def value_words(value: Any) -> str:
    """Digests and tables are cut.

    >>> value_words(None), value_words(0.123456), value_words("a" * 64)
    ('none', '0.1235', 'aaaaaaaaaaaa…')
    """
    if isinstance(value, dict):
        value = ", ".join(f"{key} {part}" for key, part in value.items()) or None
    value = f"{value:.4g}" if isinstance(value, float) else value
    text = "none" if value is None or value == "" else str(value)
    is_digest = len(text) == 64 and not text.strip("0123456789abcdef")
    return f"{text[:12]}…" if is_digest else text[:SHOWN_CHARACTERS]


def _arrows(renamed: dict[str, str]) -> list[str]:
    return [f"{old} → {new}" for old, new in renamed.items()]
