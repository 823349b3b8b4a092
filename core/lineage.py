"""The lineage of a package: fingerprints of its data sets, base model, checkpoint."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

from pydantic import ConfigDict

# A newer release may record more; unknown keys do not make a package invalid.
_OPEN = ConfigDict(extra="ignore", strict=True)


@dataclass(frozen=True)
class TrainingData:
    """Fingerprints and row counts of the training and validation rows, and the findings of the data checks."""

    __pydantic_config__: ClassVar[ConfigDict] = _OPEN

    train: str = ""
    validation: str = ""
    train_rows: int = 0
    validation_rows: int = 0
    findings: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True)
class DataSet:
    """A stored data set."""

    __pydantic_config__: ClassVar[ConfigDict] = _OPEN

    fingerprint: str = ""
    rows: int = 0


@dataclass(frozen=True)
class Lineage:
    """`checkpoint`: its digest (`core.checkpoint.digest_of`), empty if only the head was trained; `retune`: the release
    that made the package; `holdout`: the rows that the gate compared on; `rung_chosen_by`: "request" or "measurement";
    `settings`: those given to the training, by their keys in the config; `encoder_of`: digest of the package whose
    encoder it has, if only the head was trained; `spread`: rows beside the training data whose label was spread to them
    from a labelled row near them.
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
    settings: dict[str, Any] = field(default_factory=dict)
    encoder_of: str = ""
    spread: DataSet = DataSet()
