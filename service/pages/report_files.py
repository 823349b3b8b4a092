"""Report and map of a check: files in the home that the monitor wrote."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path

from markupsafe import Markup

from core.records import CheckRecord

REPORT, MAP = ".html", ".svg"
# Reports contain scripts. The sandbox gives them an origin of their own, without network access.
SANDBOXED = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval' data: blob:; "
        "style-src 'unsafe-inline'; img-src data: blob:; font-src data:"
    ),
}
STYLE = re.compile("<style>.*?</style>", re.DOTALL)
MOST_BYTES = 1_000_000
"""A map has about 60 kB."""


def report_file(home: Path, check: CheckRecord, kind: str = REPORT) -> Path | None:
    """None if the check has no such file, or if it would lie outside of the home."""
    if check.report is None or not check.report.endswith(REPORT):
        return None
    home = home.resolve()
    path = (home / check.report).with_suffix(kind).resolve()
    return path if path.is_relative_to(home) and path.suffix == kind and path.is_file() else None


def map_of(home: Path, check: CheckRecord) -> Markup | None:
    """The map as SVG for the page, whose headers let nothing in it be run or loaded; None if there is none.

    Without the style that it has for other pages: this page has the stylesheet.
    """
    with suppress(OSError, UnicodeDecodeError):
        path = report_file(home, check, MAP)
        if path is not None and path.stat().st_size <= MOST_BYTES:
            drawing = path.read_text(encoding="utf-8")
            return Markup(STYLE.sub("", drawing)) if drawing.startswith("<svg ") else None
    return None
