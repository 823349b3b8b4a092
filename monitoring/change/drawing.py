"""A map of reference and window in two dimensions, as SVG without scripts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

import numpy as np

from core.arrays import Doubles, Floats, Indices
from core.changes import Group
from monitoring.wording import listed, share

WIDTH, HEIGHT, MARGIN, LINE = 720, 440, 16, 20
Located = tuple[Group, Indices]
"""A group with the indices of its rows in the window."""
SHOWN = 600
"""Rows of each side, for a file of about 60 kB."""
GROUPS = 3
STYLE = """
.retune-map{--ground:#fff;--ink:#1d2126;--soft:#626a73;--was:#b4bac1;--now:#24557a;--g0:#b3402a;--g1:#8a6d00;--g2:#7a3d9c;
font:13px system-ui,sans-serif;width:100%;max-width:720px;height:auto;background:var(--ground);border-radius:10px}
@media(prefers-color-scheme:dark){.retune-map{--ground:#1d2125;--ink:#e8eaec;--soft:#9aa3ac;--was:#555d66;--now:#7db4dc;
--g0:#f08d75;--g1:#e0bb4a;--g2:#c99be6}}
.retune-map text{fill:var(--ink)}.retune-map .soft{fill:var(--soft)}
.retune-map .was{fill:var(--was)}.retune-map .now{fill:var(--now);fill-opacity:.7}
.retune-map .g0{fill:var(--g0)}.retune-map .g1{fill:var(--g1)}.retune-map .g2{fill:var(--g2)}
"""


def drift_map(reference: Floats, window: Floats, groups: Sequence[Located]) -> str:
    """The map of reference (n, d) and window (m, d); each group with the indices of its window rows.

    The first axis leads from the reference to the groups, or without groups to the window; the second one is the first
    principal component of the rest. The same rows give the same map.
    """
    shown = groups[:GROUPS]
    aim = window[np.concatenate([rows for _, rows in shown])] if shown else window
    axes = _axes(np.concatenate([reference, window]), aim.mean(axis=0) - reference.mean(axis=0))
    before, after = reference @ axes, window @ axes
    grouped = after[np.concatenate([rows for _, rows in shown])] if shown else after[:0]
    box = _box(np.concatenate([before, after]), grouped)
    colour = np.full(len(window), -1)
    for place, (_, rows) in enumerate(shown):
        colour[rows] = place
    height = HEIGHT + LINE * (2 + len(shown))
    parts = [
        f'<svg class="retune-map" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" '
        'aria-labelledby="map-title map-text">',
        '<title id="map-title">Reference and window</title>',
        f'<desc id="map-text">{escape(_in_words(len(reference), len(window), [group for group, _ in shown]))}</desc>',
        f"<style>{STYLE}</style>",
        *_dots(before, box, "was", "2.2"),
        *_dots(after[colour < 0], box, "now", "2.2"),
        *(dot for place in range(len(shown)) for dot in _dots(after[colour == place], box, f"g{place}", "3.4")),
        *_legend(len(reference), len(window), [group for group, _ in shown]),
        "</svg>",
    ]
    return "".join(parts)


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


def _box(points: Doubles, grouped: Doubles) -> tuple[Doubles, Doubles]:
    """Lowest corner and size; the outermost 0.5 % of the rows are drawn at the edge, but none of a group."""
    low, high = np.quantile(points, [0.005, 0.995], axis=0)
    low, high = np.min([low, *grouped], axis=0), np.max([high, *grouped], axis=0)
    return low, np.maximum(high - low, 1e-9)


def _dots(points: Doubles, box: tuple[Doubles, Doubles], kind: str, radius: str) -> Iterator[str]:
    step = max(1, -(-len(points) // SHOWN))
    places = np.clip((points[::step] - box[0]) / box[1], 0, 1)
    yield f'<g class="{kind}">'
    for x, y in places.tolist():
        yield (
            f'<circle cx="{MARGIN + x * (WIDTH - 2 * MARGIN):.0f}" '
            f'cy="{MARGIN + (1 - y) * (HEIGHT - 2 * MARGIN):.0f}" r="{radius}"/>'
        )
    yield "</g>"


def _legend(reference_rows: int, window_rows: int, groups: Sequence[Group]) -> Iterator[str]:
    lines = [("was", f"reference, {reference_rows} texts"), ("now", f"window, {window_rows} texts")]
    lines += [(f"g{place}", _named(group)) for place, group in enumerate(groups)]
    for number, (kind, text) in enumerate(lines):
        y = HEIGHT + LINE * number + 4
        yield f'<circle class="{kind}" cx="{MARGIN + 4}" cy="{y}" r="5"/>'
        yield f'<text x="{MARGIN + 16}" y="{y + 4}">{escape(text)}</text>'


def _named(group: Group) -> str:
    words = f": {', '.join(group.words[:4])}" if group.words else ""
    return f"new group, {group.rows} texts ({share(group.share)}){words}"


def _in_words(reference_rows: int, window_rows: int, groups: Sequence[Group]) -> str:
    text = f"{reference_rows} texts of the reference and {window_rows} of the window, by their meaning."
    return f"{text} Apart from the reference lie: {listed([_named(group) for group in groups])}." if groups else text
