"""HTML pages that are files of their own: everything in one template, every value escaped."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def page(template: Path, **values: Any) -> str:
    """The template filled in."""
    from jinja2 import Environment  # only pages need it

    environment = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(template.read_text(encoding="utf-8")).render(**values)
