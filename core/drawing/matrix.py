"""A matrix of right and predicted labels, as a table whose cells are shaded."""

from __future__ import annotations

from collections.abc import Sequence

from core.drawing.markup import Markup, element

SHADES = 5


def matrix(
    title: str, labels: Sequence[str], counts: Sequence[Sequence[int]], *, columns: Sequence[str] = ()
) -> Markup:
    """`counts`: of rows by right label, and by predicted label within. The shade is the share of the right label.

    `columns`: the predicted labels, if they are others.
    """
    predicted = columns or labels
    head = element("tr", element("td", "right ↓ predicted →", class_="corner"), *(_head(name) for name in predicted))
    rows = (
        element("tr", element("th", _short(label), scope="row", title=label), *_cells(label, row, predicted))
        for label, row in zip(labels, counts, strict=True)
    )
    content = element(
        "table", element("caption", title), element("thead", head), element("tbody", *rows), class_="matrix"
    )
    return element("div", content, class_="table", tabindex="0", role="region", aria_label=title)


def _cells(label: str, row: Sequence[int], predicted: Sequence[str]) -> list[Markup]:
    total = sum(row) or 1
    return [_cell(count, count / total, is_right=name == label) for name, count in zip(predicted, row, strict=True)]


def _cell(count: int, share: float, *, is_right: bool) -> Markup:
    shade = f" m{min(SHADES, 1 + int(share * SHADES))}" if count else ""
    return element("td", f"{count:,}" if count else "", class_=f"{'right' if is_right else 'wrong'}{shade}")


def _head(label: str) -> Markup:
    return element("th", element("span", _short(label)), scope="col", title=label)


def _short(label: str) -> str:
    return label if len(label) <= 24 else f"{label[:23]}…"
