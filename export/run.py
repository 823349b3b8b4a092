"""A checkpoint to a package."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from core.cpu import available_cpus
from core.datasets import Example, Text
from core.durable import require_free
from core.engine import Engine
from core.errors import NoRows
from core.package import GRAPH
from export.candidate import Candidate, candidate_folder, measured
from export.graph import write_fused
from export.model import Source, read_source
from export.packaging import Choice, Rows, write_package
from export.parity import require_parity
from export.quantization import write_static_int8
from export.rungs import FP32, INT8_STATIC, ExportSettings, RungReport, choose, report, require_known

log = logging.getLogger(__name__)

# Whether labels stay as they are can be seen on unlabelled rows too; 67 rows alone tell little.
AGREEMENT_ROWS = 400

Progress = Callable[[str, float], None]


@dataclass(frozen=True)
class ExportResult:
    """Accuracies are on the validation rows, the agreement as `RungReport` says; `size_mb` is the package's."""

    package: Path
    rung: str
    rungs: list[RungReport]
    fp32_accuracy: float
    served_accuracy: float
    label_agreement: float
    size_mb: float
    digest: str


def ignore(stage: str, share: float) -> None:
    """Hears progress and does nothing."""


def export(
    checkpoint: Path,
    *,
    out: Path,
    validation: Sequence[Example],
    reference: Sequence[Example] | None = None,
    holdout: Sequence[Example] = (),
    settings: ExportSettings,
    rung: str | None = None,
    on_progress: Progress = ignore,
) -> ExportResult:
    """Write the package `out`, complete or absent: the fastest rung that answers as fp32 does.

    `validation` are labelled rows that the checkpoint was not trained on; `reference`, those rows by
    default, is what drift checks compare with; `holdout` are the rows that judged it, noted in the
    lineage. Raises `CorruptCheckpoint`, `ParityFailed`,
    `UnknownRung`, `NoRows`, `TargetExists` or `DiskFull`.
    """
    require_free(out)
    if rung is not None:
        require_known(rung)
    for rows, name in ((validation, "validation"), (reference, "reference")):
        if rows is not None and not rows:
            raise NoRows(name)
    torch.set_num_threads(available_cpus())
    source = read_source(checkpoint)
    with tempfile.TemporaryDirectory(prefix="retune-export-") as workspace:
        candidates = _ladder(source, Path(workspace), validation, _further(validation, reference), on_progress)
        baseline = candidates[FP32]
        reports = [report(candidate, baseline, settings) for candidate in candidates.values()]
        chosen = choose(reports, wanted=rung)
        on_progress("Writing the package", 0.9)
        choice = Choice(candidates[chosen.name], baseline=baseline, reports=reports, requested=rung is not None)
        packaged = write_package(out, source, choice, Rows(validation, reference or validation, holdout))
    on_progress("Writing the package", 1.0)
    log.info("package written path=%s rung=%s digest=%s", out, chosen.name, packaged.digest)
    return ExportResult(
        package=out,
        rung=chosen.name,
        rungs=reports,
        fp32_accuracy=baseline.accuracy,
        served_accuracy=chosen.accuracy,
        label_agreement=chosen.agreement,
        size_mb=round(packaged.size_mb, 1),
        digest=packaged.digest,
    )


def _ladder(
    source: Source, workspace: Path, validation: Sequence[Example], further: Sequence[Text], on_progress: Progress
) -> dict[str, Candidate]:
    """Every rung, built and measured; the first is the checkpoint in full precision, checked against it."""
    on_progress("Building the graph", 0.0)
    plain = candidate_folder(source, FP32, workspace)
    write_fused(source, plain / GRAPH)
    engine = Engine(plain)
    on_progress("Comparing it with the checkpoint", 0.2)
    require_parity(source, engine, [example.input for example in validation])
    on_progress("Quantizing", 0.4)
    small = candidate_folder(source, INT8_STATIC, workspace)
    write_static_int8(plain / GRAPH, small / GRAPH, engine.encode(source.sample))
    on_progress("Measuring the rungs", 0.6)
    folders = {FP32: plain, INT8_STATIC: small}
    return {name: measured(name, folder, validation, further) for name, folder in folders.items()}


def _further(validation: Sequence[Example], reference: Sequence[Example] | None) -> list[Text]:
    """Reference texts that bring the rows on which rungs are compared to `AGREEMENT_ROWS`."""
    known = {example.input for example in validation}
    texts = [example.input for example in reference or () if example.input not in known]
    return texts[: max(0, AGREEMENT_ROWS - len(validation))]
