"""The drift chart: one point for each check, as SVG without scripts."""

from __future__ import annotations

from collections.abc import Sequence
from math import log10

from markupsafe import Markup

from core.records import CheckRecord

WIDTH, HEIGHT = 720.0, 220.0
LEFT, RIGHT, TOP, BOTTOM = 72.0, 12.0, 14.0, 28.0
MAX_MINUS_LOG_P = 6.0
LEVEL_BEFORE = 0.01
"""The level of checks that have none: they were made by an earlier release."""


def drift_chart(checks: Sequence[CheckRecord]) -> Markup:
    """−log₁₀ p of each check, oldest on the left, and the line above which the latest window alone alarms."""
    step = (WIDTH - LEFT - RIGHT) / len(checks)
    points = [(LEFT + step * (index + 0.5), _y(check.verdict.p_value), check) for index, check in enumerate(checks)]
    levels = [check.verdict.level for check in checks if check.verdict.level is not None]
    level = levels[-1] if levels else LEVEL_BEFORE
    alarm = _y(level)
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y, check in points if check.verdict.is_conclusive)
    parts = [
        f'<svg class="chart" viewBox="0 0 {WIDTH:.0f} {HEIGHT:.0f}" role="img" '
        f'aria-label="Drift over the last {len(checks)} checks">',
        *_scale(),
        f'<line class="alarm" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{alarm:.1f}" y2="{alarm:.1f}"/>',
        f'<text class="alarm" x="{LEFT + 4}" y="{alarm - 5:.1f}">alarm: p ≤ {level:.2g}</text>',
        f'<polyline class="trend" points="{line}"/>',
        *(_dot(x, y, check) for x, y, check in points),
        f'<text class="axis" x="{LEFT}" y="{HEIGHT - 8}">older</text>',
        f'<text class="axis" x="{WIDTH - RIGHT}" y="{HEIGHT - 8}" text-anchor="end">latest</text>',
        "</svg>",
    ]
    return Markup("").join(Markup(part) for part in parts)


def _y(p_value: float | None) -> float:
    minus_log_p = 0.0 if p_value is None else -log10(max(p_value, 10**-MAX_MINUS_LOG_P))
    return TOP + (HEIGHT - TOP - BOTTOM) * (1 - minus_log_p / MAX_MINUS_LOG_P)


def _scale() -> list[str]:
    lines = []
    for power in range(int(MAX_MINUS_LOG_P) + 1):
        y = _y(10**-power)
        lines.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        lines.append(f'<text class="axis" x="{LEFT - 7}" y="{y + 4:.1f}" text-anchor="end">{10**-power:g}</text>')
    return lines


def _dot(x: float, y: float, check: CheckRecord) -> Markup:
    verdict = check.verdict
    p = "no p-value" if verdict.p_value is None else f"p = {verdict.p_value:.3g}"
    title = f"Check {check.id}, {check.created_at[:16]} UTC, version {check.version}: {verdict.outcome}, {p}"
    dot = Markup('<circle class="{}" cx="{:.1f}" cy="{:.1f}" r="5"><title>{}</title></circle>')
    return dot.format(verdict.outcome, x, y, title)
