"""Export of a checkpoint to a package."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import torch

from core.cpu import available_cpus
from core.datasets import Example
from core.durable import require_writable
from core.errors import NoRows, UnknownRung
from core.package import size_mb
from core.progress import Progress, ignore
from export.ladder import RUNGS, Ladder
from export.model import Source, read_source
from export.packaging import Choice, HeldOutRows, LearnLeftOut, write_package
from export.rungs import RungReport, choose, report
from export.settings import ExportSettings
from export.speed import measure

log = logging.getLogger(__name__)

COMPARED_ROWS = 1000
"""Rows on which rungs are compared: validation rows, then reference rows; unlabelled rows count for the agreement."""


@dataclass(frozen=True)
class ExportResult:
    """Accuracies are measured on the validation rows; `label_agreement` is the `agreement` of `RungReport`.

    `size_mb` is the size of the package. `not_built` has the reasons why other rungs were not built.
    """

    package: Path
    rung: str
    rungs: list[RungReport]
    not_built: dict[str, str]
    fp32_accuracy: float
    served_accuracy: float
    label_agreement: float
    size_mb: float
    digest: str


def export(
    checkpoint: Path,
    *,
    out: Path,
    validation: Sequence[Example],
    reference: Sequence[Example] | None = None,
    holdout: Sequence[Example] = (),
    settings: ExportSettings,
    rung: str | None = None,
    preferred: str | None = None,
    learn: LearnLeftOut | None = None,
    on_progress: Progress = ignore,
) -> ExportResult:
    """Write the package `out` atomically, with the first rung of `RANK` whose predictions agree with fp32.

    `rung` is packed whether or not it agrees. `preferred` is packed if it agrees, and then no other is built.

    `validation` are labelled rows that the checkpoint was not trained on. `reference` is the reference of drift
    checks, by default the validation rows. `holdout` are the rows that the gate will use; the lineage records them.
    `learn` finds what rows of unknown labels look like, which estimates of the accuracy need.
    Raises `FileMissing`, `CorruptCheckpoint`, `ParityFailed`, `UnknownRung`, `RungNotBuilt`, `NoRows`, `TargetExists`,
    `NotWritable` or `DiskFull`.
    """
    require_writable(out)
    if rung is not None and rung not in RUNGS:
        raise UnknownRung(rung, RUNGS)
    for rows, name in ((validation, "validation"), (reference, "reference")):
        if rows is not None and not rows:
            raise NoRows(name)
    torch.set_num_threads(available_cpus())
    source = read_source(checkpoint)
    settings = replace(settings, primary_metric=source.training.primary_metric)
    rows = [*validation, *_additional_rows(validation, reference, holdout)]
    # Beside the package: the temporary folder of the system may be small.
    out.absolute().parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{out.name}.", dir=out.absolute().parent) as workspace:
        ladder = _built(source, Path(workspace), rows, settings, rung or preferred, on_progress)
        if rung is None and preferred is not None and ladder.objections.get(preferred, "not built") is not None:
            ladder = _built(source, Path(workspace), rows, settings, None, on_progress)
        on_progress("Measuring the rungs", 0.8)
        speeds = measure(
            {name: built.folder for name, built in ladder.built.items()},
            [row.input for row in rows],
            on_turn=partial(on_progress, "Measuring the rungs", 0.8),
        )
        reports = [
            report(built, ladder.baseline, speeds[name], ladder.objections[name])
            for name, built in ladder.built.items()
        ]
        chosen = choose(reports, ladder.not_built, wanted=rung)
        on_progress("Writing the package", 0.9)
        candidate = ladder.built[chosen.name]
        choice = Choice(candidate, ladder.baseline, reports, ladder.not_built, requested=rung is not None)
        digest = write_package(out, source, choice, HeldOutRows(validation, reference or validation, holdout), learn)
    on_progress("Writing the package", 1.0)
    log.info("package written path=%s rung=%s digest=%s", out, chosen.name, digest)
    return ExportResult(
        package=out,
        rung=chosen.name,
        rungs=reports,
        not_built=ladder.not_built,
        fp32_accuracy=ladder.baseline.accuracy_of(len(validation)),
        served_accuracy=choice.candidate.accuracy_of(len(validation)),
        label_agreement=choice.agreement,
        size_mb=round(size_mb(out), 1),
        digest=digest,
    )


def _built(
    source: Source,
    workspace: Path,
    rows: Sequence[Example],
    settings: ExportSettings,
    wanted: str | None,
    on_progress: Progress,
) -> Ladder:
    folder = workspace / (wanted or "all")
    folder.mkdir()
    ladder = Ladder(source, folder, rows, settings)
    ladder.build(on_progress, wanted=wanted)
    return ladder


def _additional_rows(
    validation: Sequence[Example], reference: Sequence[Example] | None, holdout: Sequence[Example]
) -> list[Example]:
    """Reference rows that complete the validation rows to `COMPARED_ROWS`.

    Rows of the holdout are used without their label: the rows of the gate must not influence the choice of the rung.
    """
    known, held_out = ({row.key for row in rows} for rows in (validation, holdout))
    rows = [replace(row, label=None) if row.key in held_out else row for row in reference or () if row.key not in known]
    return rows[: max(0, COMPARED_ROWS - len(validation))]
