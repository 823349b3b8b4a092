"""The finding of a check: severity, count, rows and advice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from core.datasets import Example
from core.share import percent
from finetune.quality.masking import masked

Severity = Literal["error", "warning", "info"]

MAX_EXAMPLES = 5
MAX_TEXT_CHARACTERS = 120


@dataclass(frozen=True)
class RowEntry:
    """An example row of a finding: its number from 1, and its text, shortened and with personal data masked."""

    row: int
    text: str
    label: str
    detail: str


@dataclass(frozen=True)
class Finding:
    """`count` items of `unit` were found; `rows` are the numbers, from 1, of all rows concerned, the worst first.

    Severity: "error" if training fails, "warning" if it lowers quality or distorts the measured accuracy, else "info".
    `remarks` has the reason for each of `rows`; `examples` are the first five rows. `is_fixable`: --fix removes `rows`.
    """

    check: str
    severity: Severity
    count: int
    unit: str
    sentence: str
    advice: str
    rows: tuple[int, ...] = ()
    remarks: tuple[str, ...] = ()
    examples: tuple[RowEntry, ...] = ()
    is_fixable: bool = False

    @property
    def amount(self) -> str:
        """
        >>> Finding("few_rows", "error", 1, "labels", "", "").amount
        '1 label'
        """
        noun, *rest = self.unit.split(" ")
        return " ".join([quantity(self.count, noun.removesuffix("s")), *rest])


def row_findings(
    check: str,
    details: Mapping[int, str],
    examples: Sequence[Example],
    *,
    severity: Severity,
    sentence: str,
    advice: str,
    is_fixable: bool = False,
) -> list[Finding]:
    """A list of one finding, empty if `details` is empty; `details` maps row index from 0 to a remark."""
    if not details:
        return []
    found = Finding(check, severity, len(details), "rows", sentence, advice, is_fixable=is_fixable)
    return [with_rows(found, details, examples)]


def with_rows(finding: Finding, details: Mapping[int, str], examples: Sequence[Example]) -> Finding:
    """The finding with its rows; `details` maps row index from 0 to a remark."""
    shown = [
        RowEntry(index + 1, display_text(examples[index]), examples[index].label or "", detail)
        for index, detail in list(details.items())[:MAX_EXAMPLES]
    ]
    return replace(
        finding,
        rows=tuple(index + 1 for index in details),
        remarks=tuple(details.values()),
        examples=tuple(shown),
    )


def display_text(example: Example, characters: int = MAX_TEXT_CHARACTERS) -> str:
    """The text, or both texts of a pair, on one line, shortened and with personal data masked.

    >>> display_text(Example("write to\\n jo@example.org"))
    'write to j…@example.org'
    """
    both = example.text if example.pair is None else f"{example.text} ⇄ {example.pair}"
    text = " ".join(masked(both).split())
    return text if len(text) <= characters else text[: characters - 1] + "…"


def severity_by_share(found: int, rows: int) -> Severity:
    """A warning if at least 1 % of the rows are concerned, else info.

    >>> severity_by_share(1, 100), severity_by_share(1, 101)
    ('warning', 'info')
    """
    return "warning" if found * 100 >= rows else "info"


def with_share(count: int, total: int, noun: str = "row") -> str:
    """
    >>> with_share(1, 8), with_share(2, 4, "text")
    ('1 row (12.5 %)', '2 texts (50.0 %)')
    """
    return f"{quantity(count, noun)} ({percent(count / max(1, total))})"


def quantity(count: int, noun: str) -> str:
    """
    >>> quantity(1, "row"), quantity(2000, "row")
    ('1 row', '2,000 rows')
    """
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
