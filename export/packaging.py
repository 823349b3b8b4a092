"""Writing the chosen rung as a package: facts, drift reference, golden answers, manifest."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from core.checkpoint import digest_of
from core.datasets import Example, fingerprint
from core.durable import new_folder
from core.engine import Engine, Outputs
from core.features import Features, truth_matrix, truth_of
from core.golden import GOLDEN_ROWS, golden_answer
from core.left_out import LeftOut
from core.lineage import DataSet, Lineage
from core.metrics import Metrics, measure, measure_sets
from core.package import (
    GRAPH,
    TOKENIZER,
    PackageFacts,
    write_facts,
    write_left_out,
    write_manifest,
    write_rungs,
)
from core.reference import write_reference_of
from core.verification import SAME_MACHINE, verify_package
from export.candidate import Candidate, provisional_facts
from export.eligibility import agreement
from export.model import Source
from export.page import rungs_page
from export.rungs import RungReport

LearnLeftOut = Callable[[Engine, Features], LeftOut | None]
"""From the engine of the package and its reference."""


@dataclass(frozen=True)
class Choice:
    """The chosen rung and all reports; `requested`: whether the user chose the rung."""

    candidate: Candidate
    baseline: Candidate
    reports: list[RungReport]
    not_built: dict[str, str]
    requested: bool

    @property
    def agreement(self) -> float:
        return agreement(self.candidate, self.baseline)


@dataclass(frozen=True)
class HeldOutRows:
    """Rows that the checkpoint was not trained on, by purpose."""

    validation: Sequence[Example]
    reference: Sequence[Example]
    holdout: Sequence[Example]


def write_package(target: Path, source: Source, choice: Choice, rows: HeldOutRows, learn: LearnLeftOut | None) -> str:
    """Write a verified package to `target` atomically; returns its digest. Raises `CorruptPackage`."""
    with new_folder(target) as folder:
        for name in (GRAPH, TOKENIZER):
            shutil.copyfile(choice.candidate.folder / name, folder / name)
        write_facts(folder, _facts(source, choice, rows))
        write_rungs(folder, _rungs_json(choice), _page(choice))
        engine = Engine(folder)
        reference = write_reference_of(folder, engine, rows.reference)
        if learn is not None:
            write_left_out(folder, learn(engine, reference))
        digest = write_manifest(folder)
        verify_package(folder, tolerance=SAME_MACHINE)
        return digest


def _facts(source: Source, choice: Choice, rows: HeldOutRows) -> PackageFacts:
    engine = Engine(choice.candidate.folder)
    return replace(
        provisional_facts(source, choice.candidate.name),
        metrics=_metrics(source, choice, rows.validation),
        lineage=Lineage(
            retune=version("retune"),
            checkpoint=digest_of(source.training),
            method=source.training.method,
            seed=source.training.seed,
            base_model=source.training.base_model,
            data=source.training.data,
            reference=DataSet(fingerprint(rows.reference), len(rows.reference)),
            holdout=DataSet(fingerprint(rows.holdout), len(rows.holdout)),
            settings=source.training.given,
            rung_chosen_by="request" if choice.requested else "measurement",
        ),
        rungs=[report.facts for report in choice.reports],
        golden=[golden_answer(engine, row) for row in rows.validation[:GOLDEN_ROWS]],
    )


def _rungs_json(choice: Choice) -> dict[str, Any]:
    return {
        "packaged": choice.candidate.name,
        "rungs": [asdict(report) for report in choice.reports],
        "not_built": choice.not_built,
    }


def _page(choice: Choice) -> str:
    rows = len(choice.baseline.outputs.probabilities)
    return rungs_page(choice.reports, choice.not_built, chosen=choice.candidate.name, rows=rows)


def _metrics(source: Source, choice: Choice, validation: Sequence[Example]) -> dict[str, Any]:
    served = choice.candidate
    return {
        "fp32_accuracy": choice.baseline.accuracy_of(len(validation)),
        "served_accuracy": served.accuracy_of(len(validation)),
        "label_agreement": choice.agreement,
        "validation": asdict(_validation_metrics(source, served.outputs, validation)),
    }


def _validation_metrics(source: Source, outputs: Outputs, validation: Sequence[Example]) -> Metrics:
    labels, rows = source.training.labels, len(validation)
    if outputs.given is None:
        return measure(truth_of(validation, labels), outputs.probabilities[:rows])
    return measure_sets(truth_matrix(validation, labels), outputs.probabilities[:rows], outputs.given[:rows])
