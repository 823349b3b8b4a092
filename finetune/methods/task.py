"""What every method is given, and what it gives back."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.datasets import Text
from core.engine import softmax
from core.metrics import Metrics, measure
from finetune.encoder import Encoder, TextTokenizer
from finetune.head import Head
from finetune.temperature import fit_temperature

Floats = NDArray[np.float32]
Progress = Callable[[str, float], None]


@dataclass(frozen=True)
class Rows:
    """n rows: texts or pairs, truth (n,) label indices, and the frozen encoder's embeddings (n, d)."""

    inputs: list[Text]
    truth: NDArray[np.int64]
    embeddings: Floats


@dataclass(frozen=True)
class Task:
    """Rows to learn from and to choose by. Methods leave `encoder` as it is; `ends_at` is monotonic."""

    labels: list[str]
    train: Rows
    validation: Rows
    encoder: Encoder
    tokenizer: TextTokenizer
    seed: int
    ends_at: float
    on_progress: Progress

    @property
    def left_s(self) -> float:
        return self.ends_at - time.monotonic()


@dataclass(frozen=True)
class Scored:
    """Validation logits (n, k), the temperature that fits them best, and the metrics on both sides of it."""

    logits: Floats
    temperature: float
    raw: Metrics
    calibrated: Metrics

    def beats(self, other: Scored) -> bool:
        """More validation rows right, or as many with a lower log loss after the temperature."""
        ours, theirs = self.calibrated, other.calibrated
        return (ours.accuracy, -ours.log_loss) > (theirs.accuracy, -theirs.log_loss)


@dataclass(frozen=True)
class Fitted:
    """A trained classifier; `reason` is one sentence, `history` one entry a step that was judged."""

    method: str
    reason: str
    encoder: Encoder
    head: Head
    scored: Scored
    settings: dict[str, Any] = field(default_factory=dict)
    history: list[dict[str, Any]] = field(default_factory=list)


Method = Callable[[Task], Fitted]


def score(logits: Floats, rows: Rows) -> Scored:
    temperature = fit_temperature(logits, rows.truth)
    raw, calibrated = (measure(rows.truth, softmax(logits / divisor)) for divisor in (1.0, temperature))
    return Scored(logits, temperature, raw, calibrated)


def judged(step: str, scored: Scored, **facts: Any) -> dict[str, Any]:
    """One entry of the history."""
    metrics = scored.calibrated
    return {"step": step, **facts, "accuracy": metrics.accuracy, "log_loss": metrics.log_loss}
