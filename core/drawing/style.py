"""The one stylesheet of the dashboard and of the pages that are single files."""

from __future__ import annotations

from functools import cache
from pathlib import Path

STYLE = Path(__file__).with_name("style.css")


@cache
def style() -> str:
    return STYLE.read_text(encoding="utf-8")
