"""The charts of the page; equal numbers give equal bytes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite, sqrt
from typing import Any

import numpy as np

from core.arrays import Indices, Numbers
from core.drawing import figure as figures
from core.drawing.axes import Axis, linear, logarithmic, shares
from core.drawing.events import Event, Kind
from core.drawing.figure import figure
from core.drawing.layers import Layer, Line, Point, Points
from core.drawing.markup import Markup
from core.drawing.matrix import matrix
from core.drawing.plot import Plot
from core.share import percent
from finetune.measuring.calibration import CalibrationBin

CHOSEN = Kind("chosen", "k2", "triangle")
KEPT = Kind("kept", "k3", "triangle")
Entry = Mapping[str, Any]


def loss_curves(history: Sequence[Entry], *, metric: str) -> Markup | None:
    """Training loss, validation loss and metric by epoch, or by C for a linear head; None for fewer than two points."""
    epochs = [entry for entry in history if entry.get("step") == "fine-tuning"]
    if len(epochs) > 1:
        return _curves(epochs, x="epoch", name="epoch", metric=metric)
    head = [entry for entry in history if entry.get("step") == "head" and "strength" in entry]
    if len(head) > 1:
        return _curves(head, x="strength", name="C (inverse regularisation strength)", metric=metric)
    return None


def _curves(entries: Sequence[Entry], *, x: str, name: str, metric: str) -> Markup | None:
    entries = sorted(entries, key=lambda entry: float(entry[x]))
    drawn = {
        "Log loss": {"training": "train_loss", "validation": "validation_loss"},
        metric.replace("_", " ").capitalize(): {"validation": metric},
    }
    panels = {title: lines for title, lines in drawn.items() if any(_points(entries, x, key) for key in lines.values())}
    if not panels:
        return None
    ends = float(entries[0][x]), float(entries[-1][x])
    axis = logarithmic(*ends) if x == "strength" else linear(*ends, least_step=1)
    kept = [Event(float(entry[x]), KEPT, "kept") for entry in entries if entry.get("kept")][-1:]
    plots = [
        Plot(
            title,
            _in_words(entries, x, lines),
            axis,
            _around(entries, x, lines),
            _lines(entries, x, lines),
            kept,
            150,
            name,
        )
        for title, lines in panels.items()
    ]
    keys = list(dict.fromkeys(key for lines in panels.values() for key in lines.values()))
    rows = [[f"{entry[x]:g}", *(_shown(entry.get(key)) for key in keys)] for entry in entries]
    return figure(plots, figures.Numbers([name, *(key.replace("_", " ") for key in keys)], rows))


def _points(entries: Sequence[Entry], x: str, key: str) -> list[tuple[float, float]]:
    found = [(float(entry[x]), entry.get(key)) for entry in entries]
    return [(place, float(value)) for place, value in found if value is not None and isfinite(value)]


def _around(entries: Sequence[Entry], x: str, lines: Mapping[str, str]) -> Axis:
    values = [value for key in lines.values() for _, value in _points(entries, x, key)]
    return linear(min(values), max(values))


def _lines(entries: Sequence[Entry], x: str, lines: Mapping[str, str]) -> list[Layer]:
    layers: list[Layer] = []
    for name, key in lines.items():
        style, points = "k2" if name == "training" else "k1", _points(entries, x, key)
        if points:
            layers += [Line(points, style, name), Points([Point(*place) for place in points], style, radius=3)]
    return layers


def _in_words(entries: Sequence[Entry], x: str, lines: Mapping[str, str]) -> str:
    ends = {name: points for name, key in lines.items() if (points := _points(entries, x, key))}
    return " ".join(f"{name}: {points[0][1]:.3f} to {points[-1][1]:.3f}." for name, points in ends.items())


def rate_curve(found: Entry) -> Markup | None:
    """Loss by learning rate, with the chosen rate; None without a search."""
    curve = sorted((point["rate"], point["loss"]) for point in found.get("curve", []) if np.isfinite(point["loss"]))
    if len(curve) < 2:
        return None
    losses = [loss for _, loss in curve]
    shown = Plot(
        "Loss",
        f"Chosen: {found['chosen']:.2g}.",
        logarithmic(curve[0][0], curve[-1][0]),
        linear(min(losses), max(losses)),
        [Line(curve, "k1"), Points([Point(*place) for place in curve], "k1", radius=3)],
        [Event(found["chosen"], CHOSEN, f"{found['chosen']:.2g}")],
        150,
        "learning rate",
    )
    rows = [[f"{rate:.3g}", f"{loss:.4f}"] for rate, loss in curve]
    return figure([shown], figures.Numbers(["Learning rate", "Loss"], rows))


def reliability(before: Sequence[CalibrationBin], after: Sequence[CalibrationBin]) -> Markup:
    """Reliability diagrams before and after the temperature; the area of a point is its share of the rows."""
    sides = {"Before the temperature": before, "After the temperature": after}
    plots = [
        Plot(title, _gaps_in_words(table), shares(0, 1), shares(0, 1), _calibration(table), (), 190, "confidence")
        for title, table in sides.items()
    ]
    rows: list[list[str | int]] = [
        [title, percent(entry.confidence), percent(entry.accuracy), entry.count]
        for title, table in sides.items()
        for entry in table
    ]
    return figure(plots, figures.Numbers(["", "Confidence", "Accuracy", "Rows"], rows))


def _calibration(table: Sequence[CalibrationBin]) -> list[Layer]:
    total = sum(entry.count for entry in table) or 1
    layers: list[Layer] = [Line([(0, 0), (1, 1)], "k5", "calibrated")]
    for place, entry in enumerate(table):
        low, high = sorted((entry.confidence, entry.accuracy))
        title = f"confidence {percent(entry.confidence)}, accuracy {percent(entry.accuracy)}, {entry.count} rows"
        point = Point(entry.confidence, entry.accuracy, title, low, high)
        layers.append(Points([point], "k1", "" if place else "accuracy", radius=3 + 12 * sqrt(entry.count / total)))
    return layers


def _gaps_in_words(table: Sequence[CalibrationBin]) -> str:
    widest = max(table, key=lambda entry: abs(entry.accuracy - entry.confidence), default=None)
    if widest is None:
        return "No rows."
    return f"Widest gap: confidence {percent(widest.confidence)}, accuracy {percent(widest.accuracy)}."


def risk_by_coverage(coverage: Numbers, risk: Numbers, *, chosen: tuple[float, float] | None) -> Markup:
    """Error rate by coverage; `chosen`: coverage and risk at the abstention threshold."""
    indices = _sampled_indices(len(coverage))
    points = list(zip(coverage[indices].tolist(), risk[indices].tolist(), strict=True))
    layers: list[Layer] = [Line(points, "k1")]
    if chosen:
        layers.append(Points([Point(*chosen, "abstention threshold")], "k2", "abstention threshold", "diamond", 6))
    shown = Plot(
        "Share of answers that are wrong",
        f"All rows answered: {percent(points[-1][1])}." if points else "No rows.",
        shares(0, 1),
        shares(0, max([0.05, *(y for _, y in points)])),
        layers,
        (),
        150,
        "share of rows answered, the most confident first",
    )
    shares_of_rows = _sampled_indices(len(points), most=20).tolist()
    rows = [[percent(points[place][0]), percent(points[place][1])] for place in shares_of_rows]
    return figure([shown], figures.Numbers(["Answered", "Wrong"], rows))


def _sampled_indices(count: int, *, most: int = 400) -> Indices:
    """Indices of at most `most` evenly spaced points, including the last."""
    indices: Indices = np.unique(np.linspace(0, count - 1, min(count, most)).round().astype(np.int64))
    return indices


def confusion_matrix(counts: Indices, labels: Sequence[str]) -> Markup:
    """The confusion matrix (k, k): the colour is the share of the true label's rows, the number is the count."""
    return matrix("Rows by true and predicted label", labels, counts.tolist())


def _shown(value: Any) -> str:
    return "" if value is None else f"{value:.4f}"
