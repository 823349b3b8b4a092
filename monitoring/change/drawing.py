"""A map of reference and window in two dimensions, as SVG without scripts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from core.arrays import Doubles, Floats, Indices
from core.changes import Group
from core.drawing.axes import Axis
from core.drawing.frame import Frame, point
from core.drawing.layers import Point, Points
from core.drawing.markup import Markup, element
from monitoring.wording import listed, share

HEIGHT, MARGIN, LINE = 440, 12, 22
Located = tuple[Group, Indices]
"""A group with the indices of its rows in the window."""
SHOWN = 600
"""Rows of each side, for a file of about 60 kB."""
FORMS = ("triangle", "square", "diamond")
"""Of the groups that are shown, so that not only the colour tells them apart."""
STYLE = """
.map{--ink:#1d2126;--was:#b4bac1;--now:#24557a;--g0:#b3402a;--g1:#8a6d00;--g2:#7a3d9c;
font:13px system-ui,sans-serif;overflow:visible}
@media(prefers-color-scheme:dark){.map{--ink:#e8eaec;--was:#555d66;--now:#7db4dc;--g0:#f08d75;--g1:#e0bb4a;--g2:#c99be6}}
.map text{fill:var(--ink)}.mark{overflow:visible}
.map .was{fill:var(--was)}.map .now{fill:var(--now);fill-opacity:.7}
.map .g0{fill:var(--g0)}.map .g1{fill:var(--g1)}.map .g2{fill:var(--g2)}
"""
"""For a page without the stylesheet."""


def drift_map(reference: Floats, window: Floats, groups: Sequence[Located]) -> str:
    """The map of reference (n, d) and window (m, d); each group with the indices of its window rows.

    The first axis leads from the reference to the groups, or without groups to the window; the second one is the first
    principal component of the rest. The same rows give the same map.
    """
    shown = groups[: len(FORMS)]
    aim = window[np.concatenate([rows for _, rows in shown])] if shown else window
    axes = _axes(np.concatenate([reference, window]), aim.mean(axis=0) - reference.mean(axis=0))
    before, after = reference @ axes, window @ axes
    grouped = after[np.concatenate([rows for _, rows in shown])] if shown else after[:0]
    frame = _frame(np.concatenate([before, after]), grouped)
    group_of = np.full(len(window), -1)
    for place, (_, rows) in enumerate(shown):
        group_of[rows] = place
    named = [group for group, _ in shown]
    return element(
        "svg",
        element("title", "Reference and window"),
        element("desc", _in_words(len(reference), len(window), named)),
        Markup(f"<style>{STYLE}</style>"),
        *_dots(before, "was", "circle").drawn(frame),
        *_dots(after[group_of < 0], "now", "circle").drawn(frame),
        *(
            part
            for place, form in enumerate(FORMS[: len(shown)])
            for part in _dots(after[group_of == place], f"g{place}", form).drawn(frame)
        ),
        *_legend(len(reference), len(window), named),
        class_="map",
        xmlns="http://www.w3.org/2000/svg",
        role="img",
        width="100%",
        height=HEIGHT + 2 * MARGIN + LINE * (2 + len(shown)),
    )


def _axes(rows: Floats, direction: Floats) -> Doubles:
    """(d, 2) orthogonal unit vectors: the direction, and the first principal component across it."""
    length = float(np.linalg.norm(direction))
    centred = (rows - rows.mean(axis=0)).astype(np.float64)
    if length < 1e-9:
        _, vectors = np.linalg.eigh(centred.T @ centred)
        return _signed(vectors[:, ::-1][:, :2])
    first = direction.astype(np.float64) / length
    across = centred - np.outer(centred @ first, first)
    _, vectors = np.linalg.eigh(across.T @ across)
    return np.column_stack([first, _signed(vectors[:, -1:])])


def _signed(vectors: Doubles) -> Doubles:
    """With the largest value of each vector positive, which eigenvectors leave open."""
    largest = np.abs(vectors).argmax(axis=0)
    result: Doubles = vectors * np.sign(vectors[largest, np.arange(vectors.shape[1])])
    return result


def _frame(points: Doubles, grouped: Doubles) -> Frame:
    """The outermost 0.5 % of the rows are drawn at the edge, but none of a group."""
    low, high = np.quantile(points, [0.005, 0.995], axis=0)
    low, high = np.min([low, *grouped], axis=0), np.max([high, *grouped], axis=0)
    across, up = (Axis(float(low[side]), float(max(high[side], low[side] + 1e-9))) for side in (0, 1))
    return Frame(across, up, MARGIN, HEIGHT)


def _dots(points: Doubles, style: str, form: str) -> Points:
    step = max(1, -(-len(points) // SHOWN))
    return Points([Point(x, y) for x, y in points[::step].tolist()], style, form=form, radius=2.2)


def _legend(reference_rows: int, window_rows: int, groups: Sequence[Group]) -> Iterator[Markup]:
    lines = [("was", "circle", f"reference, {reference_rows} texts"), ("now", "circle", f"window, {window_rows} texts")]
    lines += [(f"g{place}", FORMS[place], _named(group)) for place, group in enumerate(groups)]
    for number, (style, form, text) in enumerate(lines):
        y = HEIGHT + 2 * MARGIN + LINE * number + 8
        yield point("8", y, style=f"dot {style}", form=form)
        yield element("text", text, x=20, y=y + 4)


def _named(group: Group) -> str:
    words = f": {', '.join(group.words[:4])}" if group.words else ""
    return f"new group, {group.rows} texts ({share(group.share)}){words}"


def _in_words(reference_rows: int, window_rows: int, groups: Sequence[Group]) -> str:
    text = f"{reference_rows} texts of the reference and {window_rows} of the window, by their meaning."
    return f"{text} Apart from the reference lie: {listed([_named(group) for group in groups])}." if groups else text
