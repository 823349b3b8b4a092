"""Labelled rows to a checkpoint."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

from core.checkpoint import Training
from core.datasets import Example, keep_dataset
from core.durable import require_free
from core.features import truth_of
from core.metrics import Metrics
from finetune.base_models import BaseModel, find_base_model
from finetune.checkpoint import write_checkpoint
from finetune.encoder import Floats
from finetune.frozen import load_frozen
from finetune.methods.auto import fit_auto
from finetune.methods.features import fit_features
from finetune.methods.full import fit_full
from finetune.methods.task import Fitted, Method, Progress, Rows, Task
from finetune.split import Split, given_split, labels_of, require_trainable, split

log = logging.getLogger(__name__)

METHODS: dict[str, Method] = {"auto": fit_auto, "features": fit_features, "full": fit_full}


@dataclass(frozen=True)
class FinetuneSettings:
    """`base_model`: "default", a folder, or hub/id@revision; `max_length` in tokens."""

    method: Literal["auto", "features", "full"]
    budget_s: float
    seed: int
    base_model: str
    max_length: int
    validation_share: float


@dataclass(frozen=True)
class FinetuneResult:
    """`metrics` are those on the validation rows, after the temperature."""

    checkpoint: Path
    method: str
    reason: str
    metrics: Metrics
    seconds: float


def ignore(stage: str, share: float) -> None:
    """Hears progress and does nothing."""


def finetune(
    examples: Sequence[Example],
    *,
    out: Path,
    settings: FinetuneSettings,
    cache: Path,
    datasets: Path,
    validation: Sequence[Example] | None = None,
    on_progress: Progress = ignore,
) -> FinetuneResult:
    """Train on `examples` and write the checkpoint `out`, complete or absent.

    Without `validation`, `settings.validation_share` of the rows validate. Embeddings of the frozen
    encoder are kept under `cache`, the rows of both sides under `datasets`. Raises `TooFewLabels`,
    `TooFewRowsOfLabel`, `UnknownLabels`, `UnusableBaseModel`, `TargetExists` or `DiskFull`.
    """
    started = time.monotonic()
    require_free(out)
    require_trainable(examples)
    parts = _parts(examples, validation, settings)
    base = find_base_model(settings.base_model)
    task = _task(parts, base, settings, cache, ends_at=started + settings.budget_s, on_progress=on_progress)
    fitted = METHODS[settings.method](task)
    on_progress("Writing the checkpoint", 0.0)
    data = _keep(parts, datasets)
    seconds = time.monotonic() - started
    training = _training(fitted, task, base=base, settings=settings, data=data, seconds=seconds)
    write_checkpoint(
        out, training, encoder=fitted.encoder, tokenizer=task.tokenizer, head=fitted.head, texts=task.train.inputs
    )
    on_progress("Writing the checkpoint", 1.0)
    log.info("checkpoint written path=%s method=%s seconds=%.1f", out, fitted.method, seconds)
    return FinetuneResult(out, fitted.method, fitted.reason, fitted.scored.calibrated, seconds)


def _parts(examples: Sequence[Example], validation: Sequence[Example] | None, settings: FinetuneSettings) -> Split:
    if validation is not None:
        return given_split(examples, validation)
    return split(examples, validation_share=settings.validation_share, seed=settings.seed)


def _task(
    parts: Split,
    base: BaseModel,
    settings: FinetuneSettings,
    cache: Path,
    *,
    ends_at: float,
    on_progress: Progress,
) -> Task:
    """The rows with their frozen embeddings, and the encoder that made them."""
    frozen = load_frozen(base, max_length=settings.max_length, cache=cache)
    embeddings = frozen.embeddings(
        [example.input for example in (*parts.train, *parts.validation)], on_progress=on_progress
    )
    labels = labels_of(parts.train)
    return Task(
        labels=labels,
        train=_rows(parts.train, labels, embeddings[: len(parts.train)]),
        validation=_rows(parts.validation, labels, embeddings[len(parts.train) :]),
        encoder=frozen.encoder,
        tokenizer=frozen.tokenizer,
        seed=settings.seed,
        ends_at=ends_at,
        on_progress=on_progress,
    )


def _rows(examples: Sequence[Example], labels: Sequence[str], embeddings: Floats) -> Rows:
    return Rows([example.input for example in examples], truth_of(examples, labels), embeddings)


def _keep(parts: Split, datasets: Path) -> dict[str, Any]:
    return {
        "train": keep_dataset(parts.train, datasets),
        "validation": keep_dataset(parts.validation, datasets),
        "train_rows": len(parts.train),
        "validation_rows": len(parts.validation),
    }


def _training(
    fitted: Fitted, task: Task, *, base: BaseModel, settings: FinetuneSettings, data: dict[str, Any], seconds: float
) -> Training:
    return Training(
        labels=task.labels,
        method=fitted.method,
        reason=fitted.reason,
        pooling=base.pooling,
        max_length=task.tokenizer.max_length,
        temperature=fitted.scored.temperature,
        seed=settings.seed,
        base_model={"name": base.name, "revision": base.revision, "fingerprint": base.fingerprint},
        data=data,
        settings={**asdict(settings), **fitted.settings},
        metrics={"before_temperature": asdict(fitted.scored.raw), "validation": asdict(fitted.scored.calibrated)},
        history=fitted.history,
        versions={package: version(package) for package in ("retune", "torch", "transformers")},
        seconds=round(seconds, 3),
    )
