"""BentoML as its first example has it: one text a call, two workers."""

from __future__ import annotations

from typing import Any

import bentoml


@bentoml.service(workers=2, logging={"access": {"enabled": False}})
class Classifier:
    def __init__(self) -> None:
        from model import model

        self.model = model()

    @bentoml.api
    def classify(self, text: str) -> dict[str, Any]:
        return self.model.answers([text])[0]
