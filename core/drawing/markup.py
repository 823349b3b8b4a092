"""Elements of SVG and HTML as text; everything that is not markup already is escaped."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape


class Markup(str):
    """Markup that is safe in a page. Jinja prints it as it is, because of `__html__`."""

    __slots__ = ()

    def __html__(self) -> str:
        return str(self)


def element(name: str, *content: str, **attributes: str | float | None) -> Markup:
    """An element. In names of attributes `_` stands for `-`, at the end for nothing; those that are None are left out.

    >>> element("text", "<b>", x="50%", y=7.504, text_anchor="end", class_=None)
    '<text x="50%" y="7.5" text-anchor="end">&lt;b&gt;</text>'
    """
    given = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(_shown(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    return Markup(f"<{name}{given}>{joined(content)}</{name}>")


def joined(parts: Iterable[str]) -> Markup:
    """
    >>> joined(["a < b", Markup("<br>")])
    'a &lt; b<br>'
    """
    return Markup("".join(part if isinstance(part, Markup) else escape(part, quote=False) for part in parts))


def _shown(value: str | float) -> str:
    return value if isinstance(value, str) else f"{value:.2f}".rstrip("0").rstrip(".")
