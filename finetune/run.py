"""A training run: from labelled rows to a checkpoint."""

from __future__ import annotations

import hashlib
import json
import logging
import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from core.config import FinetuneConfig
from core.datasets import Example, fingerprint, keep_dataset
from core.durable import detect_disk_full, require_writable
from core.duration import seconds_of
from core.labels import Kind
from core.lineage import TrainingData
from core.progress import Progress, ignore
from finetune.checkpoint import write_checkpoint
from finetune.cross_validation import cross_validate
from finetune.encoders.base_models import BaseModel, find_base_model
from finetune.encoders.frozen import FrozenEncoder, load_frozen
from finetune.measuring.metrics import Evaluation, require_primary
from finetune.methods.catalogue import METHODS
from finetune.outcome import Outcome, outcome_of, training_of
from finetune.preparation import embedded_rows, prepare
from finetune.provenance import machine, versions
from finetune.quality.findings import Finding
from finetune.quality.inspection import inspect_quickly
from finetune.run_state.plans import Plans
from finetune.run_state.processes import is_main_process, process_group, wait_for_all
from finetune.run_state.run_folder import RunFolder
from finetune.split import Split, folds_of, given_split, split, trainable
from finetune.task import Fitted, Task

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class FinetuneResult:
    """`metrics`: on the validation rows, with temperature; `findings`: findings of the quick data checks."""

    checkpoint: Path
    method: str
    reason: str
    metrics: Evaluation
    findings: list[Finding]
    seconds: float


def finetune(
    examples: Sequence[Example],
    *,
    out: Path,
    settings: FinetuneConfig,
    cache: Path,
    datasets: Path,
    validation: Sequence[Example] | None = None,
    resume: bool = False,
    begun_at: float | None = None,
    on_progress: Progress = ignore,
) -> FinetuneResult:
    """Train on `examples` and write the checkpoint `out` atomically.

    Without `validation`, a share `settings.validation_share` of the examples is used for validation. `cache` stores
    the frozen embeddings and measurements of this machine, `datasets` the training and validation rows. With
    `resume`, an interrupted run with the same rows and settings continues from its last saved state. A budget counts
    from `begun_at` (monotonic), by default from now. Under `torchrun` the processes train together and the main
    process writes. Raises `TooFewLabels`, `TooFewRowsOfLabel`, `UnknownLabels`, `UnknownMetric`,
    `UnusableBaseModel`, `TargetExists`, `NotWritable`, `RunInterrupted`, `OtherRunInterrupted` or
    `DiskFull`.
    """
    begun_at = time.monotonic() if begun_at is None else begun_at
    require_writable(out)
    kind: Kind = "multi-label" if settings.multi_label else "single-label"
    require_primary(settings.primary_metric, kind)
    findings = inspect_quickly(examples, validation, is_multi_label=settings.multi_label)
    examples = trainable(examples, kind, rare=settings.rare)
    parts = _split_rows(examples, validation, kind, settings)
    with process_group(), detect_disk_full(out):
        run = _start_run(
            parts, kind, settings, out=out, cache=cache, resume=resume, begun_at=begun_at, on_progress=on_progress
        )
        method = METHODS[settings.method]
        fitted = method(run.task)
        folds = cross_validate(_folds(run), method) if settings.folds else {}
        outcome = outcome_of(fitted, run.task)
        on_progress("Writing the checkpoint", 0.0)
        if is_main_process():
            _write(out, run, fitted, outcome, folds=folds, findings=findings, datasets=datasets)
        wait_for_all()
    on_progress("Writing the checkpoint", 1.0)
    seconds = run.task.run_folder.spent_s
    log.info("checkpoint written path=%s method=%s seconds=%.1f", out, fitted.method, seconds)
    return FinetuneResult(out, fitted.method, fitted.reason, outcome.evaluation, findings, seconds)


@dataclass(frozen=True)
class _Run:
    parts: Split
    base: BaseModel
    frozen: FrozenEncoder
    task: Task
    time_limit_s: float


def _start_run(
    parts: Split,
    kind: Kind,
    settings: FinetuneConfig,
    *,
    out: Path,
    cache: Path,
    resume: bool,
    begun_at: float,
    on_progress: Progress,
) -> _Run:
    base = find_base_model(settings.base_model)
    facts = _identity(parts, base, settings)
    run_folder = RunFolder(out, _digest(facts), begun_at=begun_at, is_resumed=resume)
    left_s = math.inf if settings.budget is None else seconds_of(settings.budget) - run_folder.spent_s
    frozen = load_frozen(base, max_length=settings.max_length, cache=cache)
    task = prepare(
        parts,
        kind,
        frozen,
        settings=settings,
        ends_at=time.monotonic() + left_s / (settings.folds + 1),
        run_folder=run_folder,
        plans=Plans(cache / "plans", {**facts, **machine(), **versions()}),
        on_progress=on_progress,
    )
    return _Run(parts, base, frozen, task, left_s / (settings.folds + 1))


def _folds(run: _Run) -> Iterator[Task]:
    """A task per fold, with the labels and the stored plans of the whole run."""
    task = run.task
    rows = [*run.parts.train, *run.parts.validation]
    splits = folds_of(rows, task.kind, folds=task.settings.folds, seed=task.settings.seed)
    for number, parts in enumerate(splits, 1):
        ends_at = time.monotonic() + run.time_limit_s
        train, validation = embedded_rows(parts, task.labels, task.kind, run.frozen, on_progress=task.on_progress)
        yield replace(task, train=train, validation=validation, ends_at=ends_at, name_prefix=f"fold-{number}-")


def _split_rows(
    examples: Sequence[Example], validation: Sequence[Example] | None, kind: Kind, settings: FinetuneConfig
) -> Split:
    if validation is not None:
        return given_split(examples, validation, kind)
    return split(examples, kind, share=settings.validation_share, max_rows=settings.validation_rows, seed=settings.seed)


def _identity(parts: Split, base: BaseModel, settings: FinetuneConfig) -> dict[str, Any]:
    return {
        "train": fingerprint(parts.train),
        "validation": fingerprint(parts.validation),
        "base_model": base.fingerprint,
        "settings": settings.model_dump(),
    }


def _digest(facts: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def _write(
    out: Path,
    run: _Run,
    fitted: Fitted,
    outcome: Outcome,
    *,
    folds: dict[str, Any],
    findings: list[Finding],
    datasets: Path,
) -> None:
    data = TrainingData(
        train=keep_dataset(run.parts.train, datasets),
        validation=keep_dataset(run.parts.validation, datasets),
        train_rows=len(run.parts.train),
        validation_rows=len(run.parts.validation),
        findings=[{"check": found.check, "severity": found.severity, "count": found.count} for found in findings],
    )
    training = training_of(
        fitted, outcome, run.task, base=run.base, data=data, folds=folds, seconds=run.task.run_folder.spent_s
    )
    write_checkpoint(out, training, fitted=fitted, task=run.task)
    run.task.run_folder.remove()
