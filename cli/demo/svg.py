"""Three small charts as inline SVG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

Point = tuple[float, float]

_COLOURS = ("var(--old)", "var(--bad)", "var(--new)")


def bars(rows: Sequence[tuple[str, float, str]]) -> str:
    """Horizontal bars of shares in 0..1; each row is (name, share, colour)."""
    drawn = "".join(_bar(index, *row) for index, row in enumerate(rows))
    return _svg(640, 30 * len(rows) + 6, drawn)


def _bar(index: int, name: str, share: float, colour: str) -> str:
    y = 30 * index + 4
    return (
        f"<text x='0' y='{y + 15}'>{escape(name)}</text>"
        f"<rect x='140' y='{y}' width='{420 * share:.1f}' height='22' rx='2' fill='{colour}'/>"
        f"<text x='{148 + 420 * share:.1f}' y='{y + 15}'>{share:.1%}</text>"
    )


def dots(series: Mapping[str, Sequence[tuple[str, float, str]]]) -> str:
    """One line a feature, a dot a series; each item is (feature, value ≥ 0, colour)."""
    features = list(dict.fromkeys(name for items in series.values() for name, _, _ in items))
    largest = max((value for items in series.values() for _, value, _ in items), default=1.0) or 1.0
    rows = {name: 24 + 30 * index for index, name in enumerate(features)}
    axes = "".join(
        f"<text x='0' y='{y + 4}'>{escape(name)}</text><line x1='140' x2='620' y1='{y}' y2='{y}' stroke='var(--line)'/>"
        for name, y in rows.items()
    )
    marks = "".join(
        f"<circle cx='{140 + 470 * value / largest:.1f}' cy='{rows[name]}' r='6' fill='{colour}'>"
        f"<title>{escape(label)}: {value:.2f}</title></circle>"
        for label, items in series.items()
        for name, value, colour in items
    )
    return _svg(640, 30 * len(features) + 20, axes + marks)


def lines(series: Mapping[str, Sequence[Point]]) -> str:
    """Curves over a common x, each scaled to its own range, with first and last value written."""
    drawn = "".join(
        _line(name, points, _COLOURS[index % 3], 18 + 16 * index) for index, (name, points) in enumerate(series.items())
    )
    return _svg(640, 220, drawn)


def _line(name: str, points: Sequence[Point], colour: str, legend_y: int) -> str:
    xs, ys = [x for x, _ in points], [y for _, y in points]
    low, high = min(ys), max(ys)
    width, height = max(xs) - min(xs) or 1.0, high - low or 1.0
    path = " ".join(f"{20 + 600 * (x - min(xs)) / width:.1f},{200 - 120 * (y - low) / height:.1f}" for x, y in points)
    mark = "".join(
        f"<circle cx='{place.split(',')[0]}' cy='{place.split(',')[1]}' r='3' fill='{colour}'/>"
        for place in path.split()
    )
    label = f"{name.replace('_', ' ')}: {ys[0]:.3f} → {ys[-1]:.3f}"
    legend = (
        f"<text x='34' y='{legend_y}'>{escape(label)}</text><circle cx='24' cy='{legend_y - 4}' r='5' fill='{colour}'/>"
    )
    return f"<polyline points='{path}' fill='none' stroke='{colour}' stroke-width='2'/>{mark}{legend}"


def _svg(width: int, height: int, content: str) -> str:
    return f"<svg viewBox='0 0 {width} {height}' role='img'>{content}</svg>"
