"""HTML pages in one file, from one template; every value is escaped."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def page(template: Path, **values: Any) -> str:
    from jinja2 import Environment  # not needed by a process without pages

    environment = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(template.read_text(encoding="utf-8")).render(**values)
