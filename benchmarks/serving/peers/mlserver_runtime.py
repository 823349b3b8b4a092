"""MLServer with a runtime of our own over the Open Inference Protocol."""

from __future__ import annotations

import os
from pathlib import Path

from mlserver import MLModel
from mlserver.codecs import NumpyCodec, StringCodec
from mlserver.types import InferenceRequest, InferenceResponse


class Classifier(MLModel):
    async def load(self) -> bool:
        from core.engine import Engine

        self.engine = Engine(Path(os.environ["PACKAGE"]), threads=1)
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        outputs = self.engine.answer(StringCodec.decode_input(payload.inputs[0]))
        labels = [self.engine.labels[int(index)] for index in outputs.predicted]
        return InferenceResponse(
            model_name=self.name,
            outputs=[
                StringCodec.encode_output("label", labels),
                NumpyCodec.encode_output("score", outputs.confidence.reshape(-1, 1)),
            ],
        )
