"""`retune evaluate`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

from cli.context import Run, column_options, columns_for, info, package_folder, pass_run
from core.arrays import Floats
from core.checkpoint import TRAINING, read_training
from core.datasets import Columns, Example, Text, read_examples
from core.engine import Engine
from core.features import truth_matrix, truth_of
from core.labels import Kind
from core.metrics import measure, measure_sets

SHOWN_LABELS, SHOWN_PAIRS = 5, 5


@dataclass(frozen=True)
class Target:
    """A model to evaluate; `answer` returns probabilities (n, k)."""

    labels: list[str]
    kind: Kind
    is_paired: bool
    thresholds: dict[str, float]
    answer: Callable[[Sequence[Text]], NDArray[Any]]

    @property
    def threshold_array(self) -> Floats:
        """(k,) in the precision that the engine uses."""
        return np.array([self.thresholds.get(label, 0.5) for label in self.labels], dtype=np.float32)


@click.command()
@click.argument("target", metavar="PACKAGE|MODEL[@VERSION]|CHECKPOINT")
@click.option("--data", required=True, type=click.Path(path_type=Path), help="Labelled rows to measure on.")
@column_options
@pass_run
def evaluate(run: Run, target: str, data: Path, columns: Columns) -> None:
    """Measure a package, a version in the registry, or a checkpoint on labelled rows."""
    measured = _target(run, target)
    rows = read_examples(data, columns_for(columns, kind=measured.kind, is_paired=measured.is_paired))
    metrics = _metrics(measured, rows)
    run.emit(metrics, *_lines(target, metrics))


def _target(run: Run, name: str) -> Target:
    folder = Path(name)
    if (folder / TRAINING).is_file():
        training = read_training(folder)
        answer = partial(_answer_of_checkpoint, folder)
        return Target(training.labels, training.kind, training.is_paired, training.thresholds, answer)
    engine = Engine(package_folder(run, name))
    facts = engine.facts
    return Target(
        facts.labels, facts.kind, facts.is_paired, facts.thresholds, lambda texts: engine.answer(texts).probabilities
    )


def _answer_of_checkpoint(folder: Path, texts: Sequence[Text]) -> NDArray[Any]:
    from finetune.checkpoint import predict_checkpoint

    return predict_checkpoint(folder, texts)[1]


def _metrics(target: Target, rows: list[Example]) -> dict[str, Any]:
    """The metrics of `finetune.measuring.metrics`, or of `core.metrics` if scikit-learn is not installed."""
    probabilities = target.answer([row.input for row in rows])
    truth: Any = (truth_of if target.kind == "single-label" else truth_matrix)(rows, target.labels)
    try:
        from finetune.measuring.metrics import evaluate as evaluate_answers
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] not in ("sklearn", "scipy"):
            raise
        info("Intervals and per-label metrics need scikit-learn: pip install 'retune[train]'.")
        if target.kind == "single-label":
            return asdict(measure(truth, probabilities))
        return asdict(measure_sets(truth, probabilities, probabilities >= target.threshold_array))
    return evaluate_answers(
        truth, probabilities, labels=target.labels, kind=target.kind, thresholds=target.threshold_array
    ).as_dict()


def _lines(target: str, metrics: dict[str, Any]) -> list[str]:
    """The metrics with their intervals, the labels with the lowest F1, and the most confused pairs."""
    lines = [f"{target} on {metrics['rows']} rows:"]
    lines += [
        f"  {key.replace('_', ' '):<27} {value:.4f}{_interval(metrics, key)}"
        for key, value in metrics.items()
        if isinstance(value, float)
    ]
    worst = sorted(metrics.get("per_label", []), key=lambda scores: (scores["f1"], scores["label"]))[:SHOWN_LABELS]
    if worst:
        lines.append("Lowest F1 (precision, recall, rows):")
        lines += [
            f"  {scores['label']:<27} {scores['f1']:.3f} "
            f"({scores['precision']:.3f}, {scores['recall']:.3f}, {scores['support']})"
            for scores in worst
        ]
    pairs = (metrics.get("confusion") or {}).get("pairs", [])[:SHOWN_PAIRS]
    if pairs:
        lines.append("Most confused (rows):")
        lines += [f"  {_truth(pair)} → {pair['predicted']} ({pair['count']})" for pair in pairs]
    return lines


def _interval(metrics: dict[str, Any], key: str) -> str:
    bounds = metrics.get("intervals", {}).get(key)
    return f"  [{bounds[0]:.4f}, {bounds[1]:.4f}]" if bounds else ""


def _truth(pair: dict[str, Any]) -> str:
    return "(unknown to the model)" if pair["truth"] is None else str(pair["truth"])
