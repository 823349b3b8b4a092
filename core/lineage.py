"""Where a package comes from: data sets by their fingerprints, base model, checkpoint."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

from pydantic import ConfigDict

# A later release may record more; a package with a lineage that is not known is no worse.
_OPEN = ConfigDict(extra="ignore", strict=True)


@dataclass(frozen=True)
class TrainingData:
    """The rows of a training: fingerprint and number of each side, and what was found wrong with them beforehand."""

    __pydantic_config__: ClassVar[ConfigDict] = _OPEN

    train: str = ""
    validation: str = ""
    train_rows: int = 0
    validation_rows: int = 0
    findings: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True)
class DataSet:
    """Rows that are known by their fingerprint."""

    __pydantic_config__: ClassVar[ConfigDict] = _OPEN

    fingerprint: str = ""
    rows: int = 0


@dataclass(frozen=True)
class Lineage:
    """`checkpoint`: sha256 of its `training.json`; `retune`: the release that made the package; `holdout`: the rows
    that judged it; `rung_chosen_by`: "request" or "measurement".
    """

    __pydantic_config__: ClassVar[ConfigDict] = _OPEN

    retune: str = ""
    checkpoint: str = ""
    method: str = ""
    seed: int = 0
    base_model: dict[str, Any] = field(default_factory=dict)
    data: TrainingData = TrainingData()
    reference: DataSet = DataSet()
    holdout: DataSet = DataSet()
    rung_chosen_by: str = ""
