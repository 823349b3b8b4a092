"""A challenger with the champion's encoder and a new head, fitted on the embeddings that the champion's package gives.

It takes seconds and needs neither torch nor transformers: of the graph only the head's weights are exchanged.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from core.champion import ChampionPackage
from core.config import Config, FinetuneConfig
from core.datasets import Example
from core.progress import Progress
from core.records import JobRecord, PredictionRecord, TrainingSummary
from core.share import percent
from lifecycle.cached_answers import cached_answers
from lifecycle.challengers.challenger import Challenger
from lifecycle.challengers.champion_head import champion_head
from lifecycle.challengers.head_fitting import ExtraRows
from lifecycle.challengers.head_package import HeadPackage
from lifecycle.challengers.kept_rows import kept_rows
from lifecycle.challengers.label_names import label_names
from lifecycle.challengers.parts import Parts, parts_of
from lifecycle.challengers.parts_fitting import EmbeddedParts
from lifecycle.challengers.repair import Repair
from lifecycle.challengers.settings import changed_settings, named, retrain_settings
from lifecycle.challengers.spreading import Spread
from lifecycle.challengers.training_set import TrainingSet
from lifecycle.challengers.unlabelled import unlabelled_rows
from lifecycle.situation import Situation


def train_head(
    job: JobRecord, rows: TrainingSet, situation: Situation, config: Config, work: Path, on_progress: Progress
) -> Challenger:
    """Fit the head on all training rows; the regularisation is chosen on a part of them.

    Raises `NoLinearHead`.
    """
    started, champion = time.monotonic(), situation.champion
    settings = retrain_settings(champion.facts, config.finetune, job.payload)
    parts = parts_of(rows.train, champion, settings, config)
    unlabelled = unlabelled_rows(rows, situation) if config.retrain.spread else []
    embedded = _embedded(champion, parts, unlabelled, settings, config, on_progress)
    lacks = np.array([label not in situation.labels for label in parts.labels], dtype=np.bool_)
    known = champion_head(champion, parts.labels, situation.taxonomy)
    embedded = replace(embedded, repair=Repair(lacks, config.gate, known))
    embedded = embedded.harmless(max_old_drop=config.gate.max_old_drop)
    near = _named(unlabelled, embedded.spread(), parts)
    on_progress("head: Fitting the head", 0.5)
    fitted = embedded.fit()
    on_progress("head: Writing the package", 0.8)
    kept = kept_rows(rows, parts.validation, situation, config)
    package = HeadPackage(champion, fitted, parts.labels, parts.train, parts.validation, kept, settings, near)
    metrics = package.write(work / "package", config)
    changed = changed_settings(champion.facts, settings)
    reached = f"accuracy {percent(metrics.accuracy)} on {len(parts.validation)} validation rows"
    if near:
        reached += f", with labels spread to {len(near)} texts near labelled ones"
    if embedded.names is not None:
        reached += f", with new labels' names as examples ({len(embedded.names.truth)})"
    if embedded.share:
        of_champion = percent(embedded.share, 0)
        reached += f", with {of_champion} of the champion's head for the labels that it knows, since old rows were lost"
    if embedded.shift:
        reached += f", with the new labels answered less often (logits {-embedded.shift:.2f}), since they took old rows"
    summary = TrainingSummary(
        rows=len(rows.train),
        new_labels=rows.new_labels,
        set_aside=rows.set_aside,
        method="head",
        reason=f"A new head on the encoder of {situation.model}@{situation.version} reaches {reached}.{named(changed)}",
        history=fitted.history,
        changed=changed,
    )
    return Challenger(work / "package", summary, time.monotonic() - started, embedded.unseen)


def _embedded(
    champion: ChampionPackage,
    parts: Parts,
    unlabelled: Sequence[PredictionRecord],
    settings: FinetuneConfig,
    config: Config,
    on_progress: Progress,
) -> EmbeddedParts:
    """The encoder is out of memory afterwards, before the next one loads.

    Stored embeddings of predictions are rounded, and hang on the batch that the text was served in.
    """
    answers = cached_answers(champion.folder, config.embeddings)
    named = label_names(parts) if config.retrain.label_names else []
    labelled = (row.input for row in (*parts.train, *parts.validation))
    texts = [*labelled, *(row.input for row in unlabelled), *(text for _, text in named)]
    embeddings = answers.embeddings(texts, on_progress=lambda stage, share: on_progress(f"head: {stage}", share / 2))
    ends = np.cumsum([len(parts.train), len(parts.validation), len(unlabelled)])
    train, validation, not_labelled, of_names = np.split(embeddings, ends)
    labels = np.array([label for label, _ in named], dtype=np.int64)
    names = ExtraRows(of_names, labels, np.ones(len(named))) if named else None
    return EmbeddedParts(
        parts, settings.seed, train, validation, names=names, unlabelled=not_labelled if unlabelled else None
    )


def _named(unlabelled: Sequence[PredictionRecord], found: Spread, parts: Parts) -> list[Example]:
    """The rows that a label was spread to, with this label."""
    near = [unlabelled[row] for row in found.rows]
    return [Example(row.text, parts.labels[label], row.pair) for row, label in zip(near, found.truth, strict=True)]
