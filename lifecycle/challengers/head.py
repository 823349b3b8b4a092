"""A challenger with the champion's encoder and a new head, fitted on the embeddings that the champion's package gives.

It takes seconds and needs neither torch nor transformers: of the graph only the head's weights are exchanged.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from core.champion import ChampionPackage
from core.config import Config, FinetuneConfig
from core.datasets import Example, in_order, kept_dataset
from core.progress import Progress
from core.records import JobRecord, TrainingSummary
from core.share import percent
from finetune.split import labels_of, split
from lifecycle.cached_answers import CachedAnswers, cached_answers
from lifecycle.challengers.challenger import Challenger
from lifecycle.challengers.head_fitting import EmbeddedRows, FittedHead, fit, truth_in
from lifecycle.challengers.head_package import HeadPackage
from lifecycle.challengers.kept_rows import kept_rows
from lifecycle.challengers.settings import changed_settings, named, retrain_settings
from lifecycle.challengers.training_set import TrainingSet
from lifecycle.situation import Situation

GIVEN_WEIGHT = 3
"""How many times a row counts that people labelled since the champion's training. Accuracy on later rows with 78 labels
at 1, 3 and 5 times, medians of three draws: crisislex_storm_to_bombing 87.3, 90.1, 90.7 %; with an earlier version of
this fit, clinc150_new_domains 76.5, 77.3, 78.8 %, banking77_new_intents 64.2, 72.6, 75.7 %. On old rows 5 times loses
most: the 220 of examples/tickets, four seeds in the mean, lose 0.1, 0.7 and 1.6 points.
"""

FEW_VALIDATION_ROWS = 20


def train_head(
    job: JobRecord, rows: TrainingSet, situation: Situation, config: Config, work: Path, on_progress: Progress
) -> Challenger:
    """Fit the head on all training rows; the regularisation is chosen on a part of them.

    Raises `NoLinearHead`.
    """
    started, champion = time.monotonic(), situation.champion
    settings = retrain_settings(champion.facts, config.finetune, job.payload)
    data = champion.facts.lineage.data
    earlier = [{row.key for row in kept_dataset(name, config.datasets)} for name in (data.train, data.validation)]
    train, validation = _parts(rows.train, earlier[1], champion, settings)
    labels = labels_of(train, champion.kind)
    counts = [1 if row.key in earlier[0] | earlier[1] else GIVEN_WEIGHT for row in train]
    answers = cached_answers(champion.folder, config.embeddings)
    fitted = _fitted(answers, labels, train, counts, validation, settings, on_progress)
    on_progress("head: Writing the package", 0.8)
    kept = kept_rows(rows, situation, config)
    package = HeadPackage(champion, fitted, labels, train, validation, kept, settings)
    metrics = package.write(work / "package", config)
    changed = changed_settings(champion.facts, settings)
    reached = f"accuracy {percent(metrics.accuracy)} on {len(validation)} validation rows"
    summary = TrainingSummary(
        rows=len(rows.train),
        new_labels=rows.new_labels,
        set_aside=rows.set_aside,
        method="head",
        reason=f"A new head on the encoder of {situation.model}@{situation.version} reaches {reached}.{named(changed)}",
        history=fitted.history,
        changed=changed,
    )
    return Challenger(work / "package", summary, time.monotonic() - started)


def _parts(
    rows: Sequence[Example], validated: set[str], champion: ChampionPackage, settings: FinetuneConfig
) -> tuple[list[Example], list[Example]]:
    """Training and validation rows. The champion's validation rows validate again, so that all given rows teach."""
    validation = in_order(row for row in rows if row.key in validated)
    train = in_order(row for row in rows if row.key not in validated)
    unknown = set(labels_of(validation, champion.kind)) - set(labels_of(train, champion.kind))
    if len(validation) >= FEW_VALIDATION_ROWS and not unknown:
        return train, validation
    share, max_rows = settings.validation_share, settings.validation_rows
    parts = split(rows, champion.kind, share=share, max_rows=max_rows, seed=settings.seed)
    return parts.train, parts.validation


def _fitted(
    answers: CachedAnswers,
    labels: list[str],
    train: list[Example],
    counts: list[int],
    validation: list[Example],
    settings: FinetuneConfig,
    on_progress: Progress,
) -> FittedHead:
    texts = [row.input for row in (*train, *validation)]
    embeddings = answers.embeddings(texts, on_progress=lambda stage, share: on_progress(f"head: {stage}", share / 2))
    on_progress("head: Fitting the head", 0.5)
    rows = EmbeddedRows(
        train=embeddings[: len(train)],
        truth=truth_in(train, labels, answers.facts.kind),
        counts=np.array(counts),
        validation=embeddings[len(train) :],
        validation_truth=truth_in(validation, labels, answers.facts.kind),
    )
    return fit(rows, labels=len(labels), kind=answers.facts.kind, seed=settings.seed)
