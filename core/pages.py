"""HTML pages in one file, from one template and one stylesheet; every value is escaped."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from html import unescape
from os.path import relpath
from pathlib import Path
from re import DOTALL, search
from typing import Any
from urllib.parse import quote

from core.drawing.markup import Markup
from core.drawing.style import FOLDER, style
from core.share import percent

MADE_BY = '<meta name="generator" content="Retune">'
MOST_LINKS, READ_CHARS = 12, 1_000


@dataclass(frozen=True)
class Link:
    """`address`: relative to the page."""

    address: str
    name: str


def page(template: Path, *, links: Sequence[Link] = (), **values: Any) -> str:
    """`template` extends `single_file.html`; `links`: in its header."""
    from jinja2 import Environment, FileSystemLoader  # not needed by a process without pages

    environment = Environment(
        loader=FileSystemLoader([template.parent, FOLDER]), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["percent"] = percent
    return environment.get_template(template.name).render(
        style=Markup(style()), made_by=Markup(MADE_BY), links=links, **values
    )


def links_beside(page: Path, patterns: Iterable[str] = ("*.html", "*/rungs.html")) -> list[Link]:
    """Links to the pages of Retune that lie in the page's folder, by patterns; each is named by its title."""
    folder = page.absolute().parent
    found = [other for pattern in patterns for other in sorted(folder.glob(pattern)) if other != page.absolute()]
    named = ((other, title) for other in found for title in _title(other))
    return [Link(quote(Path(relpath(other, folder)).as_posix()), title) for other, title in named][:MOST_LINKS]


def _title(path: Path) -> Iterator[str]:
    """Of a page of Retune; nothing of any other file."""
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            start = file.read(READ_CHARS)
    except OSError:
        return
    found = search("<title>(.*?)</title>", start, DOTALL) if MADE_BY in start else None
    if found:
        yield unescape(found[1])
