"""Which labels the model answers: over time, on its reference and now, and against labels from people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from core.drawing.axes import shares
from core.drawing.figure import Numbers, figure, framed
from core.drawing.label_bars import Side, label_bars
from core.drawing.layers import Bar, Bars, Layer
from core.drawing.markup import Markup
from core.drawing.matrix import matrix
from core.drawing.plot import Plot
from core.drawing.times import day_and_time, time_axis
from core.series.answers import AnswerSample
from core.series.given import confusion
from core.share import percent
from service.pages.charts.facts import ChartFacts
from service.pages.charts.marks import version_marks

SHOWN = 5
STYLES = ("k1", "k2", "k3", "k4", "k5")
OTHERS = "others"
MOST_CONFUSED = 10


def answers_chart(facts: ChartFacts) -> Markup | None:
    """Shares of predicted labels over time, one above the other; None without a sample."""
    samples = facts.answers
    if not samples:
        return None
    total: Counter[str] = sum((one.labels for one in samples), Counter())
    names = [name for name, _ in sorted(total.items(), key=lambda item: (-item[1], item[0]))[:SHOWN]]
    sampled = f"{sum(one.labels.total() for one in samples):,} answers, sampled"
    first, last = samples[0], samples[-1]
    moves = [f"{name} {percent(_share(first, name))} to {percent(_share(last, name))}" for name in names]
    shown = Plot(
        "Shares of predicted labels",
        f"{sampled}. {', '.join(moves)}.",
        time_axis(facts.span.start_s, facts.span.end_s),
        shares(0, 1),
        _stacked(samples, names, has_others=len(total) > len(names)),
        version_marks(facts),
        height=150,
    )
    columns = ["From (UTC)", "Answers", *names, *([OTHERS] if len(total) > len(names) else [])]
    rows = [_row(one, names, has_others=len(total) > len(names)) for one in reversed(samples)]
    return figure([shown], Numbers(columns, rows, f"{sampled}: the first of each part of the time."))


def shares_chart(facts: ChartFacts) -> Markup | None:
    """The champion's answers to its reference and to the last texts; None if one of the two is not there."""
    if not facts.before or not facts.after:
        return None
    title = f"Predicted labels of version {facts.version}, before and now"
    return label_bars(title, Side("on the reference", facts.before), Side("on the last texts", facts.after))


def confusion_chart(facts: ChartFacts) -> Markup | None:
    """Answers of the champion against labels from people; None without an error."""
    if facts.version is None:
        return None
    labels, counts = confusion(facts.given, facts.kind, version=facts.version, most=MOST_CONFUSED)
    if not any(count for row, right in enumerate(labels) for column, count in enumerate(counts[row]) if row != column):
        return None
    pairs = [
        (count, right, labels[column])
        for right, row in zip(labels, counts, strict=True)
        for column, count in enumerate(row)
        if count and labels[column] != right
    ]
    rows = [[right, predicted, f"{count:,}"] for count, right, predicted in sorted(pairs, key=lambda pair: -pair[0])]
    title = f"Answers of version {facts.version} against given labels"
    note = "The labels with the most errors, among the last given labels."
    return framed([matrix(title, labels, counts)], Numbers(["Right", "Predicted", "Rows"], rows, note))


def _share(sample: AnswerSample, label: str) -> float:
    return sample.labels[label] / sample.labels.total()


def _stacked(samples: Sequence[AnswerSample], names: Sequence[str], *, has_others: bool) -> list[Layer]:
    bars: dict[str, list[Bar]] = {name: [] for name in [*names, *([OTHERS] if has_others else [])]}
    for one in samples:
        low = 0.0
        end_s = one.start_s + 0.93 * (one.end_s - one.start_s)
        for name, stack in bars.items():
            share = _share(one, name) if name in names else 1 - low
            title = f"{day_and_time(one.start_s)} UTC, {name}: {percent(share)}"
            stack.append(Bar(one.start_s, end_s, low, low + share, title))
            low += share
    styles = dict(zip([*names, OTHERS], [*STYLES[: len(names)], "k6"], strict=True))
    return [Bars(stack, f"{styles[name]} stacked", name) for name, stack in bars.items()]


def _row(one: AnswerSample, names: Sequence[str], *, has_others: bool) -> list[str]:
    found = [_share(one, name) for name in names]
    found += [1 - sum(found)] if has_others else []
    return [day_and_time(one.start_s), f"{one.labels.total():,}", *(percent(max(0.0, share)) for share in found)]
