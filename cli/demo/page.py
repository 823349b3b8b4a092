"""The demo's page: accuracy before and after, drift, learning curves. One file that needs no network."""

from __future__ import annotations

from math import log10
from pathlib import Path
from typing import Any

from core.drawing.figure import Numbers
from core.drawing.markup import Markup
from core.drawing.paired_bars import Pair, PairedBars, paired_bars
from core.pages import links_beside, page
from core.share import percent
from finetune.report.charts import loss_curves

TEMPLATE = Path(__file__).with_name("page.html")
SMALLEST_P = 1e-12


def write_page(path: Path, result: dict[str, Any], histories: dict[str, list[dict[str, Any]]]) -> Path:
    """Write the page of a demo's result; `histories` holds the training histories by name."""
    content = page(
        TEMPLATE,
        links=links_beside(path),
        result=result,
        accuracy=_accuracy(result),
        drift=_drift(result),
        curves={name: loss_curves(history, metric="accuracy") for name, history in histories.items()},
    )
    path.write_text(content, encoding="utf-8")
    return path


def _accuracy(result: dict[str, Any]) -> Markup:
    """Of the versions in service, and of both versions at the gate."""
    pairs = [
        Pair(f"{kind} rows", result[f"{kind}_accuracy"]["before"], result[f"{kind}_accuracy"]["after"])
        for kind in ("fresh", "old")
    ]
    fresh = result["gate"].get("fresh") or {}
    if fresh.get("rows"):
        name = f"{fresh['rows']} fresh rows at the gate: champion, challenger"
        pairs.append(Pair(name, fresh["champion_accuracy"], fresh["challenger_accuracy"]))
    rows = [[pair.name, percent(pair.before or 0), percent(pair.after or 0)] for pair in pairs]
    shown = PairedBars("Accuracy", ("before", "after"), pairs, full=1.0)
    return paired_bars(shown, Numbers(["Rows", "Before", "After"], rows))


def _drift(result: dict[str, Any]) -> Markup:
    """−log₁₀ p of each feature, of the old kind of traffic and of the fresh one."""
    old, fresh = (_evidence(result[f"{name}_check"]) for name in ("reference", "fresh"))
    pairs = [Pair(feature, old.get(feature), fresh.get(feature)) for feature in old | fresh]
    rows = [[pair.name, *(_shown(value) for value in (pair.before, pair.after))] for pair in pairs]
    shown = PairedBars("Evidence against chance, −log₁₀ p", ("traffic as before", "fresh traffic"), pairs, form=_shown)
    return paired_bars(shown, Numbers(["Feature", "Traffic as before", "Fresh traffic"], rows))


def _evidence(check: dict[str, Any]) -> dict[str, float]:
    """−log₁₀ p by feature."""
    return {item["feature"]: -log10(max(item["p_value"], SMALLEST_P)) for item in check["evidence"]}


def _shown(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"
