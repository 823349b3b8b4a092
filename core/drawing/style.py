"""The one stylesheet of the dashboard and of the pages that are single files."""

from __future__ import annotations

from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent
STYLE = FOLDER / "style.css"


@cache
def style() -> str:
    return STYLE.read_text(encoding="utf-8")
