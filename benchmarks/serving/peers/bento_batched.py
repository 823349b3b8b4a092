"""BentoML with its adaptive batching, two workers."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import bentoml


@bentoml.service(workers=2, logging={"access": {"enabled": False}})
class Classifier:
    def __init__(self) -> None:
        from core.engine import Engine

        self.engine = Engine(Path(os.environ["PACKAGE"]), threads=1)

    # A smaller max_latency_ms answers 503 under load: it is also how long a text may wait.
    @bentoml.api(batchable=True, max_batch_size=64, max_latency_ms=5000)
    def classify(self, texts: list[str]) -> list[dict[str, Any]]:
        outputs = self.engine.answer(texts)
        found = zip(outputs.predicted, outputs.confidence, strict=True)
        return [{"label": self.engine.labels[int(index)], "score": float(score)} for index, score in found]
