"""Requests, latency and errors over time."""

from __future__ import annotations

from collections.abc import Sequence

from core.drawing.axes import Axis, linear, logarithmic, shares
from core.drawing.figure import Numbers, figure
from core.drawing.layers import Bar, Bars, Layer, Line, Value
from core.drawing.markup import Markup
from core.drawing.plot import Plot
from core.drawing.times import day_and_time, time_axis
from core.ledger_tables.traffic import BOUNDS_S
from core.series.requests import Bucket
from core.share import percent
from service.pages.charts.facts import ChartFacts
from service.pages.charts.marks import version_marks

QUANTILES = ((0.5, "half of the answers within", "k1"), (0.95, "95 % of the answers within", "k2"))
LEAST_SHARE = 0.01


def traffic_chart(facts: ChartFacts) -> Markup | None:
    """None without a request."""
    buckets = facts.buckets
    if not buckets:
        return None
    x, marks = time_axis(facts.span.start_s, facts.span.end_s), version_marks(facts)
    width = _width(facts.span.bucket_s)
    total, wrong = sum(one.load.requests for one in buckets), sum(_wrong(one) for one in buckets)
    plots = [
        Plot(f"Requests in {width}", f"{total:,} in all.", x, _count_axis(buckets), [_requests(buckets)], marks, 90),
        Plot(
            "Latency",
            _latency_in_words(buckets),
            x,
            _latency_axis(buckets),
            _latencies(buckets, facts.span.bucket_s),
            (),
            110,
        ),
        Plot(
            "Requests that failed or were late", f"{wrong:,} in all.", x, _error_axis(buckets), _errors(buckets), (), 70
        ),
    ]
    columns = ["From (UTC)", "Requests", "Failed", "Late", "Half within", "95 % within"]
    note = f"In parts of {width}. Times are upper bounds, from some minutes of each part where these are many."
    return figure(plots, Numbers(columns, [_row(one) for one in reversed(buckets)], note))


def _requests(buckets: Sequence[Bucket]) -> Bars:
    bars = [_bar(one, 0, one.load.requests, f"{one.load.requests:,} requests") for one in buckets]
    return Bars(bars, "k1", "requests")


def _count_axis(buckets: Sequence[Bucket]) -> Axis:
    return linear(0, max(one.load.requests for one in buckets), form=lambda value: f"{value:,.0f}")


def _bar(one: Bucket, low: float, high: float, what: str) -> Bar:
    """With a gap to the next one."""
    end_s = one.start_s + 0.85 * (one.end_s - one.start_s)
    return Bar(one.start_s, end_s, low, high, f"{day_and_time(one.start_s)} UTC: {what}")


def _latency_axis(buckets: Sequence[Bucket]) -> Axis:
    found = [value for one in buckets for share, *_ in QUANTILES if (value := _within_s(one, share)) is not None]
    return logarithmic(min(found, default=0.001), max(found, default=0.1), form=_shown_s)


def _latencies(buckets: Sequence[Bucket], width_s: float) -> list[Layer]:
    """Parts without a request are gaps."""
    layers: list[Layer] = []
    for share, name, style in QUANTILES:
        line: list[Value] = []
        end_s = buckets[0].start_s
        for one in buckets:
            if one.start_s > end_s:
                line.append((end_s, None))
            line.append(((one.start_s + one.end_s) / 2, _within_s(one, share)))
            end_s = one.end_s
        layers.append(Line(line, style, name))
    return layers


def _within_s(one: Bucket, share: float) -> float | None:
    """Beyond the last bound that bound; None without a timed request."""
    return (one.load.within_s(share) or BOUNDS_S[-1]) if any(one.load.seconds) else None


def _error_axis(buckets: Sequence[Bucket]) -> Axis:
    return shares(0, max([LEAST_SHARE, *(_wrong(one) / one.load.requests for one in buckets)]))


def _errors(buckets: Sequence[Bucket]) -> list[Layer]:
    """One above the other."""
    failed, late = [], []
    for one in buckets:
        load = one.load
        below, above = load.failed_requests / load.requests, min(1.0, _wrong(one) / load.requests)
        if load.failed_requests:
            failed.append(_bar(one, 0, below, f"{load.failed_requests:,} failed ({percent(below)})"))
        if load.late_requests:
            late.append(_bar(one, below, above, f"{load.late_requests:,} late ({percent(above - below)})"))
    return [Bars(failed, "drift", "failed"), Bars(late, "k5", "late")]


def _wrong(one: Bucket) -> int:
    return min(one.load.requests, one.load.failed_requests + one.load.late_requests)


def _row(one: Bucket) -> list[str]:
    load = one.load
    within = (_within_s(one, share) for share, *_ in QUANTILES)
    times = ["" if value is None else _shown_s(value) for value in within]
    counts = (load.requests, load.failed_requests, load.late_requests)
    return [day_and_time(one.start_s), *(f"{count:,}" for count in counts), *times]


def _latency_in_words(buckets: Sequence[Bucket]) -> str:
    last = next((one for one in reversed(buckets) if any(one.load.seconds)), None)
    if last is None:
        return "No request was timed."
    within = [f"{name} {_shown_s(_within_s(last, share) or 0)}" for share, name, _ in QUANTILES]
    return f"Last: {', '.join(within)}."


def _width(width_s: int) -> str:
    """
    >>> _width(1800), _width(21600)
    ('30 min', '6 h')
    """
    return f"{width_s // 3600} h" if width_s >= 3600 else f"{width_s // 60} min"


def _shown_s(value: float) -> str:
    """
    >>> _shown_s(0.0025), _shown_s(2.5)
    ('2.5 ms', '2.5 s')
    """
    return f"{value:g} s" if value >= 1 else f"{1000 * value:g} ms"
