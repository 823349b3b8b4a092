"""The report of a run as one self-contained HTML file."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from core.checkpoint import Training
from core.drawing.markup import Markup
from core.pages import Link, page
from finetune.measuring.metrics import METRIC_NAMES
from finetune.measuring.thresholds import risk_coverage
from finetune.report import charts
from finetune.report.contents import Answers, Contents

TEMPLATE = Path(__file__).with_name("page.html")
MAX_MATRIX_LABELS, MAX_PAIRS = 12, 12
"""Limits for a readable confusion matrix and for the table of confused pairs."""


def report_page(contents: Contents, *, name: str, links: Sequence[Link] = ()) -> str:
    """The page; `name` is its title. Equal contents give equal pages."""
    training, answers = contents.training, contents.answers
    return page(
        TEMPLATE,
        links=links,
        name=name,
        training=training,
        contents=contents,
        answers=answers,
        summary=_summary_of(answers) if answers else _stored_summary(training),
        curves=charts.loss_curves(training.history, metric=training.primary_metric),
        rates=charts.rate_curve(training.learning_rate),
        confusion=_confusion(answers) if answers else None,
        pairs=_pairs(answers, training.metrics),
        reliability=charts.reliability(answers.bins_before, answers.bins_after) if answers else None,
        risk=_risk(answers, training) if answers else None,
        per_label=sorted(answers.after.per_label, key=lambda scores: (scores.f1, scores.label)) if answers else [],
        settings={"method": training.method, "primary_metric": training.primary_metric, **training.settings},
        provenance=_provenance(training),
        base_model={key: _shortened(value) for key, value in training.base_model.items()},
        fit={key: value for key, value in training.fit.items() if key not in ("verdict", "reason")},
    )


def _provenance(training: Training) -> dict[str, Any]:
    data = {key: value for key, value in vars(training.data).items() if isinstance(value, str | int)}
    facts = {"seed": training.seed, "seconds": training.seconds, **data, **training.provenance}
    return {key: _shortened(value) for key, value in facts.items()}


def _shortened(value: Any) -> Any:
    """Hashes are shortened to 12 digits, enough to compare them with `training.json`."""
    return f"{value[:12]}…" if isinstance(value, str) and re.fullmatch("[0-9a-f]{40,}", value) else value


def _summary_of(answers: Answers) -> list[dict[str, Any]]:
    return _summary(answers.after.values, answers.before.values, answers.after.intervals)


def _stored_summary(training: Training) -> list[dict[str, Any]]:
    after, before = (training.metrics.get(key, {}) for key in ("validation", "before_temperature"))
    return _summary(after, before, after.get("intervals", {}))


def _summary(after: Mapping[str, Any], before: Mapping[str, Any], intervals: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [
        {"name": name, "value": after[key], "interval": intervals.get(key), "before": before.get(key)}
        for key, name in METRIC_NAMES.items()
        if key in after
    ]


def _confusion(answers: Answers) -> Markup | None:
    confusion = answers.after.confusion
    if confusion is None:
        return None
    shown = confusion.most_confused(MAX_MATRIX_LABELS)
    counts = confusion.counts[:-1][shown][:, shown]
    return charts.confusion_matrix(counts, [confusion.labels[index] for index in shown])


def _pairs(answers: Answers | None, metrics: dict[str, Any]) -> list[dict[str, Any]]:
    if answers is None:
        found: list[dict[str, Any]] = (metrics.get("validation", {}).get("confusion") or {}).get("pairs", [])
        return found[:MAX_PAIRS]
    confusion = answers.after.confusion
    return [vars(pair) for pair in confusion.pairs(MAX_PAIRS)] if confusion else []


def _risk(answers: Answers, training: Training) -> Markup:
    coverage, risk = risk_coverage(answers.confidence, answers.wrong)
    return charts.risk_by_coverage(coverage, risk, chosen=_chosen(answers, training.abstain_below))


def _chosen(answers: Answers, threshold: float | None) -> tuple[float, float] | None:
    if threshold is None:
        return None
    answered = answers.confidence >= threshold
    return (float(answered.mean()), float(answers.wrong[answered].mean())) if answered.any() else None
