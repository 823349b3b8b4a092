"""MLServer with a runtime of our own over the Open Inference Protocol."""

from __future__ import annotations

import numpy as np
from mlserver import MLModel
from mlserver.codecs import NumpyCodec, StringCodec
from mlserver.types import InferenceRequest, InferenceResponse


class Classifier(MLModel):
    async def load(self) -> bool:
        from model import model

        self.model = model()
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        answers = self.model.answers(StringCodec.decode_input(payload.inputs[0]))
        return InferenceResponse(
            model_name=self.name,
            outputs=[
                StringCodec.encode_output("label", [answer["label"] for answer in answers]),
                NumpyCodec.encode_output("score", np.array([[answer["score"]] for answer in answers])),
            ],
        )
