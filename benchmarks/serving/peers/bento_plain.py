"""BentoML as its first example has it: one text a call, two workers."""

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

    @bentoml.api
    def classify(self, text: str) -> dict[str, Any]:
        outputs = self.engine.answer([text])
        return {"label": self.engine.labels[int(outputs.predicted[0])], "score": float(outputs.confidence[0])}
