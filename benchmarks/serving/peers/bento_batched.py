"""BentoML with its adaptive batching, two workers."""

from __future__ import annotations

from typing import Any

import bentoml


@bentoml.service(workers=2, logging={"access": {"enabled": False}})
class Classifier:
    def __init__(self) -> None:
        from model import model

        self.model = model()

    # A smaller max_latency_ms answers 503 under load: it is also how long a text may wait.
    @bentoml.api(batchable=True, max_batch_size=64, max_latency_ms=5000)
    def classify(self, texts: list[str]) -> list[dict[str, Any]]:
        return self.model.answers(texts)
