"""The charts of the page as SVG markup; equal numbers give equal bytes.

The charts are drawn in placeholder colours, which CSS variables of the page replace, for its light and dark mode.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from io import StringIO
from typing import Any

import matplotlib
import numpy as np
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullFormatter

from core.arrays import Indices, Numbers
from finetune.measuring.calibration import CalibrationBin

INK, SOFT, LINE, ACCENT, SECOND = "#010101", "#020202", "#030303", "#040404", "#050505"
_VARIABLES = {INK: "--ink", SOFT: "--soft", LINE: "--line", ACCENT: "--accent", SECOND: "--second"}
_STYLE: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "retune",
    "text.parse_math": False,  # labels may hold dollar signs
    "font.size": 10,
    "text.color": INK,
    "axes.edgecolor": LINE,
    "axes.labelcolor": SOFT,
    "axes.titlesize": 10,
    "axes.titlecolor": SOFT,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": LINE,
    "grid.linewidth": 0.6,
    "xtick.color": SOFT,
    "ytick.color": SOFT,
    "legend.frameon": False,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "savefig.facecolor": "none",
}


def loss_curves(history: Sequence[Mapping[str, Any]], *, metric: str) -> str | None:
    """Training loss, validation loss and metric by epoch, or by C for a linear head; None for fewer than two points."""
    epochs = [entry for entry in history if entry.get("step") == "fine-tuning"]
    if len(epochs) > 1:
        return _curves(epochs, x="epoch", label="epoch", metric=metric)
    head = [entry for entry in history if entry.get("step") == "head" and "strength" in entry]
    return (
        _curves(head, x="strength", label="C (inverse regularisation strength)", metric=metric)
        if len(head) > 1
        else None
    )


def _curves(entries: Sequence[Mapping[str, Any]], *, x: str, label: str, metric: str) -> str | None:
    drawn = {
        "log loss": {"training": "train_loss", "validation": "validation_loss"},
        metric.replace("_", " "): {"validation": metric},
    }
    panels = {title: lines for title, lines in drawn.items() if any(_has(entries, key) for key in lines.values())}
    if not panels:
        return None

    def draw(figure: Figure) -> None:
        for axes, (title, lines) in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels.items(), strict=True):
            for name, key in lines.items():
                _line(axes, entries, x, key, name=name, colour=SECOND if name == "training" else ACCENT)
            axes.set_title(title, loc="left")
            axes.set_xlabel(label)
            axes.legend()
            if x == "strength":
                axes.set_xscale("log")
                axes.set_xticks([entry[x] for entry in entries], [f"{entry[x]:g}" for entry in entries], minor=False)
                axes.minorticks_off()
            else:
                axes.xaxis.set_major_locator(MaxNLocator(integer=True))

    return _svg(draw, width=4.2 * len(panels), height=2.9)


def _has(entries: Sequence[Mapping[str, Any]], key: str) -> bool:
    return any(entry.get(key) is not None for entry in entries)


def _line(axes: Any, entries: Sequence[Mapping[str, Any]], x: str, y: str, *, name: str, colour: str) -> None:
    points = [(entry[x], entry[y]) for entry in entries if entry.get(y) is not None]
    if points:
        axes.plot(*zip(*points, strict=True), "o-", color=colour, linewidth=1.8, markersize=4, label=name)
    kept = [(entry[x], entry[y]) for entry in entries if entry.get("kept") and entry.get(y) is not None][-1:]
    if kept and name == "validation":
        axes.plot(*zip(*kept, strict=True), "o", color=colour, markersize=9, label="kept")


def rate_curve(found: Mapping[str, Any]) -> str | None:
    """Loss by learning rate, with the chosen rate; None without a search."""
    curve = [point for point in found.get("curve", []) if np.isfinite(point["loss"])]
    if len(curve) < 2:
        return None

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        ordered = sorted(curve, key=lambda point: point["rate"])
        axes.plot([point["rate"] for point in ordered], [point["loss"] for point in ordered], "o-", color=ACCENT)
        axes.axvline(found["chosen"], color=SECOND, linestyle="--", label=f"chosen: {found['chosen']:.2g}")
        axes.set_xscale("log")
        # The default tick labels of a logarithmic axis are formulas, whose parsing is switched off.
        axes.xaxis.set_major_formatter(FuncFormatter(lambda rate, _place: f"{rate:g}"))
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.set_xlabel("learning rate")
        axes.set_title("loss", loc="left")
        axes.legend()

    return _svg(draw, width=5.2, height=2.9)


def reliability(before: Sequence[CalibrationBin], after: Sequence[CalibrationBin]) -> str:
    """Reliability diagrams before and after the temperature; the area of a point is its share of the rows."""

    def draw(figure: Figure) -> None:
        for axes, table, title in zip(
            figure.subplots(1, 2, sharey=True), (before, after), ("before the temperature", "after"), strict=True
        ):
            total = sum(entry.count for entry in table)
            axes.plot([0, 1], [0, 1], "--", color=SOFT, linewidth=1)
            confidences, accuracies = [entry.confidence for entry in table], [entry.accuracy for entry in table]
            axes.vlines(confidences, confidences, accuracies, color=SECOND, linewidth=2)
            axes.scatter(
                confidences, accuracies, s=[20 + 400 * entry.count / total for entry in table], color=ACCENT, alpha=0.75
            )
            axes.set(xlim=(0, 1.05), ylim=(0, 1.05), xlabel="confidence")
            axes.set_title(title, loc="left")
        figure.axes[0].set_ylabel("accuracy")

    return _svg(draw, width=8.4, height=3.9)


def risk_by_coverage(coverage: Numbers, risk: Numbers, *, chosen: tuple[float, float] | None) -> str:
    """Error rate by coverage; `chosen`: coverage and risk at the abstention threshold."""
    indices = _sampled_indices(len(coverage))

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        axes.plot(coverage[indices], risk[indices], color=ACCENT, linewidth=1.8)
        if chosen:
            axes.plot(*([value] for value in chosen), "o", color=SECOND, markersize=8, label="abstention threshold")
            axes.legend()
        axes.set(xlim=(0, 1.02), xlabel="share of rows answered, the most confident first")
        axes.set_ylim(bottom=0)
        axes.set_title("share of answers that are wrong", loc="left")

    return _svg(draw, width=5.2, height=2.9)


def _sampled_indices(count: int, *, most: int = 400) -> Indices:
    """Indices of at most `most` evenly spaced points, including the last."""
    indices: Indices = np.unique(np.linspace(0, count - 1, min(count, most)).round().astype(np.int64))
    return indices


def confusion_matrix(counts: Indices, labels: Sequence[str]) -> str:
    """The confusion matrix (k, k): the colour is the share of the true label's rows, the number is the count."""
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    size = 2.2 + 0.42 * len(labels)

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        axes.grid(visible=False)
        axes.set_xlim(-0.5, len(labels) - 0.5)
        axes.set_ylim(len(labels) - 0.5, -0.5)
        axes.set_aspect("equal")
        names = [name if len(name) <= 26 else f"{name[:25]}…" for name in labels]
        axes.set_xticks(range(len(labels)), names, rotation=45, ha="right", rotation_mode="anchor")
        axes.set_yticks(range(len(labels)), names)
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
        axes.set(xlabel="predicted", ylabel="true")
        for row, column in np.argwhere(counts > 0).tolist():
            _cell(axes, row, column, share=float(shares[row, column]), count=int(counts[row, column]))

    return _svg(draw, width=min(9.0, size + 0.8), height=min(9.0, size))


def _cell(axes: Any, row: int, column: int, *, share: float, count: int) -> None:
    colour = ACCENT if row == column else SECOND
    axes.fill_between(
        [column - 0.47, column + 0.47], row - 0.47, row + 0.47, color=colour, alpha=0.12 + 0.5 * share, linewidth=0
    )
    axes.text(column, row, str(count), ha="center", va="center", fontsize=9)


def _svg(draw: Callable[[Figure], None], *, width: float, height: float) -> str:
    with matplotlib.rc_context(_STYLE), warnings.catch_warnings():
        # Text is not converted to paths: the browser has the glyphs that matplotlib's font lacks.
        warnings.filterwarnings("ignore", r"Glyph .* missing from font")
        figure = Figure(figsize=(width, height), layout="constrained")
        FigureCanvasSVG(figure)
        draw(figure)
        svg = StringIO()
        figure.savefig(svg, format="svg", metadata={"Date": None, "Creator": None})
    return _inlined(svg.getvalue())


def _inlined(svg: str) -> str:
    """The svg element for inline use: responsive width, colours and font of the page."""
    element = svg[svg.index("<svg") :]
    width = re.search(r'width="([\d.]+)pt"', element)
    element = re.sub(r' (width|height)="[\d.]+pt"', "", element, count=2)
    element = re.sub(r"<metadata>.*?</metadata>", "", element, flags=re.DOTALL)
    element = re.sub(r'<g id="[^"]*"', "<g", element)
    element = re.sub(r"font: ([\d.]+px) [^;\"]*", r"font: \1 system-ui, sans-serif", element)
    for colour, variable in _VARIABLES.items():
        element = element.replace(colour, f"var({variable})")
    size = f"{float(width.group(1)) * 4 / 3:.0f}px" if width else "100%"
    return element.replace("<svg", f'<svg role="img" style="width: 100%; max-width: {size}; height: auto"', 1)
