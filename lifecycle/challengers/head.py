"""A challenger with the champion's encoder and a new head, fitted on the embeddings that the champion's package gives.

It takes seconds and needs neither torch nor transformers: of the graph only the head's weights are exchanged.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from core.arrays import Numbers
from core.champion import ChampionPackage
from core.config import Config, FinetuneConfig
from core.datasets import Example, fingerprint, in_order, keep_dataset, kept_dataset
from core.durable import new_folder
from core.engine import Engine
from core.errors import ChallengerSkipped
from core.features import truth_matrix, truth_of
from core.golden import GOLDEN_ROWS, golden_answer
from core.labels import Kind
from core.lineage import DataSet, TrainingData
from core.metrics import measure, measure_sets
from core.package import GRAPH, TOKENIZER, PackageFacts, read_digest, write_facts, write_manifest, write_reference
from core.progress import Progress
from core.records import JobRecord, TrainingSummary
from core.share import percent
from core.verification import SAME_MACHINE, verify_package
from export.head import exchange_head
from finetune.head import Head, fit_head
from finetune.measuring.temperature import fit_temperature, probabilities_of
from finetune.measuring.thresholds import abstention_of, confidence_and_errors, tune_thresholds
from finetune.measuring.truth import Truth, row_losses
from finetune.split import labels_of, split
from lifecycle.challengers.challenger import Challenger
from lifecycle.challengers.kept_rows import KeptRows, kept_rows
from lifecycle.challengers.settings import changed_settings, named, retrain_settings
from lifecycle.challengers.training_set import TrainingSet
from lifecycle.situation import Situation

C_VALUES = (3.0, 10.0, 30.0, 100.0, 300.0)
"""From strong to weak regularisation, as in `finetune.methods.features`."""

GIVEN_WEIGHT = 3
"""How many times a row counts that people labelled since the champion's training."""

FEW_VALIDATION_ROWS = 20


@dataclass(frozen=True)
class _Rows:
    """Embeddings (n, d) and truth of the training rows, with how often each counts, and of the validation rows."""

    train: Numbers
    truth: Truth
    counts: Numbers
    validation: Numbers
    validation_truth: Truth


@dataclass(frozen=True)
class _Fitted:
    head: Head
    strength: float
    temperature: float
    probabilities: Numbers  # of the validation rows
    thresholds: Numbers | None
    history: list[dict[str, Any]]


def train_head(
    job: JobRecord, rows: TrainingSet, situation: Situation, config: Config, work: Path, on_progress: Progress
) -> Challenger:
    """Fit the head on all training rows; the regularisation is chosen on a part of them."""
    started = time.monotonic()
    champion = situation.champion
    settings = retrain_settings(champion.facts, config.finetune, job.payload)
    train, validation = _parts(rows.train, champion, config, settings)
    labels = labels_of(train, champion.kind)
    on_progress("head: Embedding the texts", 0.0)
    engine = Engine(champion.folder)
    embeddings = engine.answer([row.input for row in (*train, *validation)]).embeddings
    known = {row.key for row in kept_dataset(champion.facts.lineage.data.train, config.datasets)}
    on_progress("head: Fitting the head", 0.5)
    fitted = _fit(
        _Rows(
            train=embeddings[: len(train)],
            truth=_truth(train, labels, champion.kind),
            counts=np.array([1 if row.key in known else GIVEN_WEIGHT for row in train]),
            validation=embeddings[len(train) :],
            validation_truth=_truth(validation, labels, champion.kind),
        ),
        labels=len(labels),
        kind=champion.kind,
        seed=settings.seed,
    )
    on_progress("head: Writing the package", 0.8)
    facts = _facts(champion, labels, train, validation, fitted, settings, config)
    kept = kept_rows(rows, situation, config)
    facts = _with_held_out(facts, kept, fitted, validation)
    _write(work / "package", champion, facts, fitted.head, validation, kept.reference or validation)
    changed = changed_settings(champion.facts, settings)
    summary = TrainingSummary(
        rows=len(rows.train),
        new_labels=rows.new_labels,
        set_aside=rows.set_aside,
        method="head",
        reason=(
            f"A new head on the encoder of {situation.model}@{situation.version} reaches accuracy "
            f"{percent(facts.metrics['served_accuracy'])} on {len(validation)} validation rows.{named(changed)}"
        ),
        history=fitted.history,
        changed=changed,
    )
    return Challenger(work / "package", summary, time.monotonic() - started)


def _parts(
    rows: Sequence[Example], champion: ChampionPackage, config: Config, settings: FinetuneConfig
) -> tuple[list[Example], list[Example]]:
    """Training and validation rows. The champion's validation rows validate again, so that all given rows teach."""
    kept = {row.key for row in kept_dataset(champion.facts.lineage.data.validation, config.datasets)}
    validation = in_order(row for row in rows if row.key in kept)
    train = in_order(row for row in rows if row.key not in kept)
    unknown = set(labels_of(validation, champion.kind)) - set(labels_of(train, champion.kind))
    if len(validation) >= FEW_VALIDATION_ROWS and not unknown:
        return train, validation
    parts = split(
        rows,
        champion.kind,
        share=settings.validation_share,
        max_rows=settings.validation_rows,
        seed=settings.seed,
    )
    return parts.train, parts.validation


def _truth(rows: Sequence[Example], labels: Sequence[str], kind: Kind) -> Truth:
    return truth_matrix(rows, labels) if kind == "multi-label" else truth_of(rows, labels)


def _fit(rows: _Rows, *, labels: int, kind: Kind, seed: int) -> _Fitted:
    strength, history = _strength(rows, labels=labels, kind=kind, seed=seed)
    counted = np.repeat(np.arange(len(rows.counts)), rows.counts)
    head = fit_head(rows.train[counted], rows.truth[counted], label_count=labels, c=strength)
    logits = head.logits(rows.validation)
    temperature = fit_temperature(logits, rows.validation_truth)
    probabilities = probabilities_of(logits, temperature, kind)
    thresholds = tune_thresholds(probabilities, rows.validation_truth) if kind == "multi-label" else None
    return _Fitted(head, strength, temperature, probabilities, thresholds, history)


def _strength(rows: _Rows, *, labels: int, kind: Kind, seed: int) -> tuple[float, list[dict[str, Any]]]:
    """The strongest regularisation whose loss is within one standard error of the lowest (Breiman et al. 1984).

    Measured on a fifth of the training rows, which the heads compared here are not fitted on.
    """
    held = np.random.default_rng(seed).permutation(len(rows.truth)) < len(rows.truth) // 5
    kept = ~held
    if rows.truth.ndim == 1:  # rows of a label that would have no other row
        kept |= ~np.isin(rows.truth, rows.truth[kept])
    counted = np.repeat(np.flatnonzero(kept), rows.counts[kept])
    head, found, history = None, [], []
    for c in C_VALUES:
        head = fit_head(rows.train[counted], rows.truth[counted], label_count=labels, c=c, start=head)
        logits, truth = head.logits(rows.train[held]), rows.truth[held]
        probabilities = probabilities_of(logits, fit_temperature(logits, truth), kind)
        losses = row_losses(truth, probabilities)
        found.append((c, losses))
        facts = {"accuracy": _accuracy(truth, probabilities), "validation_loss": float(losses.mean())}
        history.append({"step": "head", "strength": c, **facts})
        if losses.mean() > min(before.mean() for _, before in found):
            break
    least = min((losses for _, losses in found), key=lambda losses: losses.mean())
    for c, losses in found:
        difference = losses - least
        if difference.mean() <= difference.std() / np.sqrt(len(difference)) + 1e-9:
            return c, history
    return C_VALUES[0], history


def _accuracy(truth: Truth, probabilities: Numbers) -> float:
    if truth.ndim == 1:
        return float(np.mean(probabilities.argmax(axis=1) == truth))
    return float(np.mean(((probabilities >= 0.5) == truth).all(axis=1)))


def _facts(
    champion: ChampionPackage,
    labels: list[str],
    train: list[Example],
    validation: list[Example],
    fitted: _Fitted,
    settings: FinetuneConfig,
    config: Config,
) -> PackageFacts:
    facts = champion.facts
    data = TrainingData(
        train=keep_dataset(train, config.datasets),
        validation=keep_dataset(validation, config.datasets),
        train_rows=len(train),
        validation_rows=len(validation),
    )
    thresholds = {} if fitted.thresholds is None else dict(zip(labels, map(float, fitted.thresholds), strict=True))
    return replace(
        facts,
        labels=labels,
        temperature=fitted.temperature,
        thresholds=thresholds,
        abstain_below=_abstain_below(fitted, validation, labels, champion.kind, settings),
        rungs=[],
        golden=[],
        lineage=replace(
            facts.lineage,
            retune=version("retune"),
            checkpoint="",
            method="head",
            seed=settings.seed,
            data=data,
            encoder_of=read_digest(champion.folder),
            settings={**facts.lineage.settings, **settings.model_dump(exclude={"budget"})},
        ),
    )


def _abstain_below(
    fitted: _Fitted, validation: list[Example], labels: list[str], kind: Kind, settings: FinetuneConfig
) -> float | None:
    if settings.max_risk is None:
        return None
    truth = _truth(validation, labels, kind)
    given = fitted.probabilities.argmax(axis=1) if truth.ndim == 1 else fitted.probabilities >= fitted.thresholds
    found = confidence_and_errors(truth, fitted.probabilities, given)
    return abstention_of(*found, max_risk=settings.max_risk).threshold


def _with_held_out(facts: PackageFacts, kept: KeptRows, fitted: _Fitted, validation: list[Example]) -> PackageFacts:
    """The facts with the metrics on the validation rows, and the rows of gate and reference."""
    truth = _truth(validation, facts.labels, facts.kind)
    if fitted.thresholds is None:
        metrics = measure(truth, fitted.probabilities)
    else:
        metrics = measure_sets(truth, fitted.probabilities, fitted.probabilities >= fitted.thresholds)
    reference = kept.reference or validation
    lineage = replace(
        facts.lineage,
        reference=DataSet(fingerprint(reference), len(reference)),
        holdout=DataSet(fingerprint(kept.holdout), len(kept.holdout)),
    )
    return replace(facts, metrics={"served_accuracy": metrics.accuracy, "validation": asdict(metrics)}, lineage=lineage)


def _write(
    target: Path,
    champion: ChampionPackage,
    facts: PackageFacts,
    head: Head,
    validation: list[Example],
    reference: Sequence[Example],
) -> None:
    with new_folder(target) as folder:
        if not exchange_head(champion.folder / GRAPH, folder / GRAPH, weight=head.weight, bias=head.bias):
            raise ChallengerSkipped("the graph of the champion has no linear head of its own")
        shutil.copyfile(champion.folder / TOKENIZER, folder / TOKENIZER)
        write_facts(folder, facts)
        engine = Engine(folder)
        write_reference(folder, engine.features(list({row.key: row for row in reference}.values())))
        write_facts(folder, replace(facts, golden=[golden_answer(engine, row) for row in validation[:GOLDEN_ROWS]]))
        write_manifest(folder)
        verify_package(folder, tolerance=SAME_MACHINE)
