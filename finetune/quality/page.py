"""The findings as one self-contained HTML page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from core.pages import Link, page
from finetune.quality.findings import Finding
from finetune.quality.inspection import SEVERITIES

TEMPLATE = Path(__file__).with_name("page.html")
SEVERITY_NAMES = {"error": "error", "warning": "warning", "info": "to look at"}


def quality_page(
    findings: Sequence[Finding], *, source: str, about: str, checks: Sequence[str], links: Sequence[Link] = ()
) -> str:
    """`about` is a sentence on the inspected rows, `checks` are the names of all checks that ran."""
    totals = Counter(finding.severity for finding in findings)
    found = {finding.check for finding in findings}
    return page(
        TEMPLATE,
        links=links,
        source=source,
        about=about,
        findings=findings,
        severities=SEVERITIES,
        totals={severity: totals.get(severity, 0) for severity in SEVERITIES},
        words=SEVERITY_NAMES,
        clear=", ".join(check.replace("_", " ") for check in checks if check not in found),
    )
