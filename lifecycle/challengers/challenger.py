"""What every way to make a challenger gives to the gate."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from core.config import Config
from core.progress import Progress
from core.records import JobRecord, TrainingSummary
from lifecycle.challengers.selection import Unseen
from lifecycle.challengers.training_set import TrainingSet
from lifecycle.situation import Situation


@dataclass(frozen=True)
class Challenger:
    """`seconds`: time of the training; `unseen`: answers to the rows that select and to the validation rows, of the
    package or of one made alike without these rows; `checkpoint`: what the package was exported from, None of a new
    head; `tried`: names of the ways that were tried until it was found.
    """

    package: Path
    training: TrainingSummary
    seconds: float
    unseen: Unseen
    checkpoint: Path | None = None
    tried: tuple[str, ...] = ()


Train = Callable[[JobRecord, TrainingSet, Situation, Config, Path, Progress], Challenger]
"""Trains in an empty folder of the job. Raises `ChallengerSkipped` if this champion or machine does not allow it."""
