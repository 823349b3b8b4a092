"""Where a model stands: its champion, the last conclusive check of traffic, and what came with it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.home import Home
from core.package import PackageFacts, read_facts, read_reference
from core.records import CheckRecord, LabelledPrediction, PredictionRecord


@dataclass(frozen=True)
class Situation:
    """`window` and `labelled` are of this version alone; `labelled_keys` are of the texts that any version answered
    and whose label is known.

    `fresh_after`: id of the last prediction that was still found to be of the old kind.
    """

    model: str
    version: str
    facts: PackageFacts
    expected_accuracy: float | None
    check: CheckRecord | None
    fresh_after: str
    window: list[PredictionRecord]
    labelled: list[LabelledPrediction]
    labelled_keys: set[str]


def assess(home: Home, model: str) -> Situation:
    """Raises `ModelNotFound` or `NoChampion`."""
    registry, ledger = home.registry, home.ledger
    version = registry.champion(model).version
    folder = registry.verified_folder(model, version)
    last_ok = ledger.last_conclusive_check(model, version, verdict="ok")
    fresh_after = (last_ok and last_ok.window_end) or ""
    reference, labelled = read_reference(folder), ledger.labelled(model)
    return Situation(
        model=model,
        version=version,
        facts=read_facts(folder),
        expected_accuracy=float(np.mean(reference.right[reference.known])) if reference.known.any() else None,
        check=ledger.last_conclusive_check(model, version),
        fresh_after=fresh_after,
        window=ledger.window(model, version, limit=home.config.drift.window_rows, after=fresh_after),
        labelled=[row for row in labelled if row.version == version],
        labelled_keys={row.example.key for row in labelled},
    )
