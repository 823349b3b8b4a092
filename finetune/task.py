"""The input and the result of a method: `Task` and `Fitted`."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from core.arrays import Booleans, Numbers
from core.config import FinetuneConfig
from core.datasets import Text
from core.labels import Kind
from core.paired import Paired
from core.progress import Progress
from finetune.encoders.encoder import Encoder, TextTokenizer
from finetune.head import Head
from finetune.measuring.metrics import is_better, primary_value
from finetune.measuring.temperature import fit_temperature, probabilities_of
from finetune.measuring.truth import Truth, predicted_labels, row_losses
from finetune.run_state.plans import Plans
from finetune.run_state.run_folder import RunFolder


@dataclass(frozen=True)
class Rows:
    """n texts or pairs, their truth, (n,) label indices or (n, k) bool, and their frozen embeddings (n, d)."""

    inputs: list[Text]
    truth: Truth
    embeddings: Numbers


@dataclass(frozen=True)
class Task:
    """Training and validation rows, the settings, and the pretrained encoder, which no method may modify.

    `ends_at`: a value of `time.monotonic()`; infinite without a budget. `name_prefix`: the name of the fold in a
    cross-validation, else empty.
    """

    kind: Kind
    labels: list[str]
    train: Rows
    validation: Rows
    encoder: Encoder
    tokenizer: TextTokenizer
    settings: FinetuneConfig
    ends_at: float
    run_folder: RunFolder
    plans: Plans
    on_progress: Progress
    name_prefix: str = ""

    @property
    def has_budget(self) -> bool:
        return math.isfinite(self.ends_at)

    @property
    def left_s(self) -> float:
        return self.ends_at - time.monotonic()


@dataclass(frozen=True)
class Scored:
    """Logits (n, k) of the validation rows and the temperature fitted to them.

    Computed with the temperature: which rows are correct (n,), their log losses (n,) in nats, and the `value` of the
    primary `metric`.
    """

    logits: Numbers
    temperature: float
    correct: Booleans
    losses: Numbers
    metric: str
    value: float

    @property
    def loss(self) -> float:
        return float(self.losses.mean())

    def beats(self, other: Scored) -> bool:
        """Whether the primary metric is better; if it differs by at most one standard error, whether the loss is lower.

        On few validation rows, a single row decides a metric, and the best of many states would be selected by chance;
        the loss varies far less. The standard error is estimated from the rows where exactly one of the two is correct,
        as in McNemar's test.
        """
        if self._is_within(other, 1.0):
            return self.loss < other.loss
        return is_better(self.metric, self.value, other.value)

    def is_worse_than(self, other: Scored, *, errors: float = 1.0) -> bool:
        """Whether the metric or the loss is worse by more than `errors` standard errors of the difference."""
        if not self._is_within(other, errors):
            return is_better(self.metric, other.value, self.value)
        differences = self.losses - other.losses
        return bool(differences.mean() > errors * differences.std() / np.sqrt(len(differences)) + 1e-9)

    def _is_within(self, other: Scored, errors: float) -> bool:
        return abs(self.value - other.value) <= errors * Paired.of(self.correct, other.correct).chance_error


@dataclass(frozen=True)
class Fitted:
    """A trained classifier; `reason` is one sentence, `history` has one entry per evaluated state."""

    method: str
    reason: str
    encoder: Encoder
    head: Head
    scored: Scored
    settings: dict[str, Any] = field(default_factory=dict)
    history: list[dict[str, Any]] = field(default_factory=list)
    learning_rate: dict[str, Any] = field(default_factory=dict)


Method = Callable[[Task], Fitted]


def score(logits: Numbers, task: Task) -> Scored:
    """Evaluate logits (n, k) of the validation rows."""
    truth = task.validation.truth
    temperature = fit_temperature(logits, truth)
    probabilities = probabilities_of(logits, temperature, task.kind)
    return Scored(
        logits=logits,
        temperature=temperature,
        correct=_correct_rows(truth, probabilities),
        losses=row_losses(truth, probabilities),
        metric=task.settings.primary_metric,
        value=primary_value(task.settings.primary_metric, truth, probabilities),
    )


def _correct_rows(truth: Truth, probabilities: Numbers) -> Booleans:
    correct: Booleans = np.asarray(predicted_labels(truth, probabilities) == truth)
    return np.asarray(correct.all(axis=1)) if correct.ndim == 2 else correct


def history_entry(step: str, scored: Scored, **facts: Any) -> dict[str, Any]:
    """An entry of `Fitted.history`."""
    return {"step": step, **facts, scored.metric: scored.value, "validation_loss": scored.loss}
