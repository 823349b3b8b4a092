"""A cleaned copy of a data file, and a log of the removed rows."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from core.datasets import Example
from core.durable import write_bytes
from core.errors import NothingLeft, UnusableCopy
from core.tables.copying import content_without
from finetune.quality.duplicates import rows_without_majority
from finetune.quality.findings import Finding, display_text
from finetune.quality.sheet import Sheet

SUSPECTS, CONFLICTS = "label_noise", "conflicting_labels"


@dataclass(frozen=True)
class Removed:
    """A removed row: its number from 1 in the file, the check that found it, and the text with personal data masked."""

    row: int
    check: str
    text: str
    label: str
    reason: str


def removed_rows(
    examples: Sequence[Example],
    findings: Sequence[Finding],
    *,
    is_multi_label: bool = False,
    drop_suspects: bool = False,
    drop_conflicts: bool = False,
) -> list[Removed]:
    """The rows to remove, in the order of the file: rows of fixable findings, and rows that the options select."""
    reasons: dict[int, tuple[str, str]] = {}
    for finding in findings:
        if finding.is_fixable or (drop_suspects and finding.check == SUSPECTS):
            for row, remark in zip(finding.rows, finding.remarks, strict=True):
                reasons.setdefault(row, (finding.check, remark))
    if drop_conflicts:
        for index, remark in rows_without_majority(Sheet(examples, is_multi_label)).items():
            reasons.setdefault(index + 1, (CONFLICTS, remark))
    return [_removed(row, examples[row - 1], *reasons[row]) for row in sorted(reasons)]


def _removed(row: int, example: Example, check: str, reason: str) -> Removed:
    return Removed(row, check, display_text(example, characters=10_000), example.label or "", reason)


def log_path(copy: Path) -> Path:
    """The path of the log of a cleaned copy.

    >>> log_path(Path("rows.csv")).name
    'rows.csv.removed.jsonl'
    """
    return copy.with_name(f"{copy.name}.removed.jsonl")


def require_usable(source: Path, copy: Path) -> None:
    """Raises `UnusableCopy` if the copy exists or has another format than the source."""
    if copy.suffix.lower() != source.suffix.lower():
        raise UnusableCopy(copy, f"it must end in {source.suffix} as {source} does")
    for path in (copy, log_path(copy)):
        if path.exists():
            raise UnusableCopy(path, "it exists already")


def write_cleaned(source: Path, copy: Path, removed: Sequence[Removed]) -> None:
    """Write the log, then the copy, with all columns and in the format of `source`.

    Raises `UnusableCopy`, or `NothingLeft` if all rows would be removed.
    """
    require_usable(source, copy)
    content = content_without(source, {entry.row for entry in removed})
    if content is None:
        raise NothingLeft(source)
    lines = [json.dumps(asdict(entry), ensure_ascii=False) for entry in removed]
    write_bytes(log_path(copy), "".join(f"{line}\n" for line in lines).encode())
    write_bytes(copy, content)
