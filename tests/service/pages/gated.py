"""A model with two versions and what the gate said of the second one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from core.clock import utc_now
from core.ledger import Ledger
from core.records import (
    Comparison,
    Differing,
    Disagreements,
    GateAnswer,
    GateRecord,
    GateVerdict,
    PredictionRecord,
    TrainingSummary,
)


def predict(ledger: Ledger, texts: Sequence[str]) -> list[str]:
    """Record predictions of these texts; returns their ids."""
    keys = [f"{number:032x}" for number in range(len(texts))]
    vector = np.zeros(4, dtype=np.float32)
    ledger.record_predictions(
        [
            PredictionRecord(key, "tickets", "1", utc_now(), text, "bug", 0.9, 3, False, vector)
            for key, text in zip(keys, texts, strict=True)
        ]
    )
    return keys


def judge(
    ledger: Ledger,
    answer: GateAnswer = "hold",
    *,
    ids: Sequence[str] = (),
    reason: str = "By chance.",
    version: str = "2",
) -> None:
    """The version against version 1, which differ on the predictions of these ids."""
    differing = [Differing(key, "bug", "billing") for key in ids]
    fresh = Comparison(40, 0.75, 0.85, 7, 3, 0.17, {"how_to": [9, 8, 2]})
    verdict = GateVerdict(answer, reason, fresh, Comparison(), 12, Disagreements(90, differing, 7, 3))
    training = TrainingSummary(200, ["chat"], {"<rare>": 1}, "head", "It was best.", [], {"seed": [7, 0]})
    gate = GateRecord(1, verdict, training, 65.0)
    ledger.record_promotion("tickets", version, previous="1", promoted=answer == "promote", reason=reason, gate=gate)
