"""The package of a new head: the champion's graph with other weights, and everything that follows from them."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from core.champion import ChampionPackage
from core.config import Config, FinetuneConfig
from core.datasets import Example, fingerprint, keep_dataset
from core.durable import new_folder
from core.golden import GOLDEN_ROWS, golden_answer
from core.lineage import DataSet, Lineage, TrainingData
from core.metrics import Metrics, measure, measure_sets
from core.package import GRAPH, TOKENIZER, PackageFacts, read_digest, write_facts, write_left_out, write_manifest
from core.reference import write_reference_of
from core.verification import SAME_MACHINE, verify_package
from export.head import exchange_head
from finetune.measuring.thresholds import abstention_of, confidence_and_errors
from finetune.measuring.truth import Truth
from lifecycle.cached_answers import cached_answers
from lifecycle.challengers.head_fitting import FittedHead, truth_in
from lifecycle.challengers.kept_rows import KeptRows
from lifecycle.left_out import learn_left_out


@dataclass(frozen=True)
class HeadPackage:
    """A fitted head with the rows behind it; `labels` are those of the head, in its order; `spread`: rows that it
    learned with a label of a row near them.
    """

    champion: ChampionPackage
    fitted: FittedHead
    labels: list[str]
    train: list[Example]
    validation: list[Example]
    kept: KeptRows
    settings: FinetuneConfig
    spread: Sequence[Example] = ()

    @property
    def truth(self) -> Truth:
        return truth_in(self.validation, self.labels, self.champion.kind)

    def write(self, target: Path, config: Config) -> Metrics:
        """Write a verified package atomically; returns the metrics on the validation rows."""
        source, head, metrics = self.champion.folder, self.fitted.head, self._metrics()
        facts = self._facts(metrics, config)
        with new_folder(target) as folder:
            exchange_head(source / GRAPH, folder / GRAPH, weight=head.weight, bias=head.bias)
            shutil.copyfile(source / TOKENIZER, folder / TOKENIZER)
            write_facts(folder, facts)
            write_facts(folder, replace(facts, golden=self._write_answers(folder, config)))
            write_manifest(folder)
            verify_package(folder, tolerance=SAME_MACHINE)
        return metrics

    def _write_answers(self, folder: Path, config: Config) -> list[dict[str, Any]]:
        """Write what monitoring needs; returns the golden answers.

        Its engine is out of memory before the next one loads.
        """
        answers = cached_answers(folder, config.embeddings)
        reference = write_reference_of(folder, answers, self.kept.reference)
        write_left_out(folder, learn_left_out(answers, self.fitted.head, self.train, reference))
        return [golden_answer(answers.engine, row) for row in self.validation[:GOLDEN_ROWS]]

    def _metrics(self) -> Metrics:
        probabilities, thresholds = self.fitted.probabilities, self.fitted.thresholds
        if thresholds is None:
            return measure(self.truth, probabilities)
        return measure_sets(self.truth, probabilities, probabilities >= thresholds)

    def _facts(self, metrics: Metrics, config: Config) -> PackageFacts:
        thresholds = self.fitted.thresholds
        return replace(
            self.champion.facts,
            labels=self.labels,
            temperature=self.fitted.temperature,
            thresholds={} if thresholds is None else dict(zip(self.labels, map(float, thresholds), strict=True)),
            abstain_below=self._abstain_below(),
            metrics={"served_accuracy": metrics.accuracy, "validation": asdict(metrics)},
            lineage=self._lineage(config),
            rungs=[],
            golden=[],
        )

    def _abstain_below(self) -> float | None:
        if self.settings.max_risk is None:
            return None
        probabilities, thresholds = self.fitted.probabilities, self.fitted.thresholds
        given = probabilities.argmax(axis=1) if thresholds is None else probabilities >= thresholds
        found = confidence_and_errors(self.truth, probabilities, given)
        return abstention_of(*found, max_risk=self.settings.max_risk).threshold

    def _lineage(self, config: Config) -> Lineage:
        before = self.champion.facts.lineage
        return replace(
            before,
            retune=version("retune"),
            checkpoint="",
            method="head",
            seed=self.settings.seed,
            data=TrainingData(
                train=keep_dataset(self.train, config.datasets),
                validation=keep_dataset(self.validation, config.datasets),
                train_rows=len(self.train),
                validation_rows=len(self.validation),
            ),
            reference=DataSet(fingerprint(self.kept.reference), len(self.kept.reference)),
            holdout=DataSet(fingerprint(self.kept.holdout), len(self.kept.holdout)),
            encoder_of=read_digest(self.champion.folder),
            spread=DataSet(keep_dataset(self.spread, config.datasets), len(self.spread)) if self.spread else DataSet(),
            settings={**before.settings, **self.settings.model_dump(exclude={"budget"})},
        )
