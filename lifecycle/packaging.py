"""From a checkpoint of this home to a package."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from core.checkpoint import read_training
from core.datasets import Example, keep_dataset, kept_dataset
from core.home import Home
from core.progress import Progress, ignore
from export.run import ExportResult, export
from export.settings import ExportSettings
from lifecycle.left_out import learner_from


def package_checkpoint(
    home: Home,
    checkpoint: Path,
    *,
    out: Path,
    reference: Sequence[Example] | None = None,
    rung: str | None = None,
    on_progress: Progress = ignore,
) -> ExportResult:
    """Export a checkpoint with the rows that this home keeps of it, and note where it lies for its registration.

    `reference`: the rows that drift is measured from, by default the validation rows. Raises as `export.run.export`,
    or `DatasetNotKept`.
    """
    data, datasets = read_training(checkpoint).data, home.config.datasets
    validation = kept_dataset(data.validation, datasets)
    if reference:
        keep_dataset(reference, datasets)  # the gate uses labelled reference rows later
    result = export(
        checkpoint,
        out=out,
        validation=validation,
        reference=reference,
        settings=ExportSettings(**home.config.export.model_dump()),
        rung=rung,
        learn=learner_from(data.train, datasets),
        on_progress=on_progress,
    )
    home.checkpoints.note(checkpoint)
    return result
