"""The logits and the truth of the validation rows, stored in the checkpoint for reports."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from core.arrays import Numbers
from core.checkpoint import VALIDATION
from core.errors import CorruptCheckpoint
from finetune.measuring.truth import Truth


@dataclass(frozen=True)
class ValidationOutputs:
    """`logits` (n, k) float32, without temperature; `truth` (n,) int64 label indices or (n, k) bool."""

    logits: Numbers
    truth: Truth


def write_validation(folder: Path, logits: Numbers, truth: Truth) -> None:
    """Write `validation.npz`; equal arrays give equal bytes."""
    stored_truth = truth.astype(np.bool_ if truth.ndim == 2 else np.int64)
    # numpy writes the year 1980 as the date of the archive's entries.
    np.savez(folder / VALIDATION, allow_pickle=False, logits=logits.astype(np.float32), truth=stored_truth)


def read_validation(folder: Path) -> ValidationOutputs | None:
    """None if the checkpoint has no such file; raises `CorruptCheckpoint` if it cannot be read."""
    path = folder / VALIDATION
    if not path.is_file():
        return None
    try:
        with np.load(path, allow_pickle=False) as arrays:
            outputs = ValidationOutputs(arrays["logits"], arrays["truth"])
    except (OSError, EOFError, ValueError, KeyError, BadZipFile) as error:
        raise CorruptCheckpoint(folder, f"{VALIDATION} cannot be read: {error}") from error
    if outputs.logits.ndim != 2 or outputs.truth.shape not in (outputs.logits.shape[:1], outputs.logits.shape):
        raise CorruptCheckpoint(folder, f"the arrays in {VALIDATION} do not fit each other")
    return outputs
