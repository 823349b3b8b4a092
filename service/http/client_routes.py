"""The routes for clients: predictions in our own and Hugging Face's protocol, and feedback."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from service.http.envelope import json_response
from service.http.protocols import feedback, hugging_face, own
from service.http.route import Operation, Route
from service.http.schemas import EXAMPLES
from service.worker import Worker

PREDICT = Operation("Answer texts", "Predictions", takes="PredictRequest", example={"texts": EXAMPLES})
HUGGING_FACE = Operation(
    "Answer texts in Hugging Face's protocol", "Scores", takes="InputsRequest", example={"inputs": EXAMPLES}
)
FEEDBACK = Operation("Store labels of predictions", "Stored", takes="FeedbackRequest")


class Endpoints:
    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._max_items = worker.config.service.max_items
        self._most_items = worker.config.service.most_items

    def routes(self) -> list[Route]:
        return [
            Route("/predict", self.predict, method="POST", takes_texts=True, operation=PREDICT),
            Route("/models/{name}", self.hugging_face, method="POST", takes_texts=True, operation=HUGGING_FACE),
            Route("/feedback", self.feedback, method="POST", scope="feedback", operation=FEEDBACK),
        ]

    async def predict(self, request: Request) -> Response:
        parsed = own.parse(await request.body(), max_items=self._most_items)
        return json_response(own.rendered(await self._worker.predictor.predict(parsed, request.scope["state"])))

    async def hugging_face(self, request: Request) -> Response:
        served = self._worker.champions.served(request.path_params["name"])
        parsed = hugging_face.parse(await request.body(), model=served.model, max_items=self._most_items)
        hugging_face.require_model_function(parsed, served.engine.facts.kind)
        predictions = await self._worker.predictor.predict(parsed.request, request.scope["state"])
        return json_response(hugging_face.rendered(parsed, predictions))

    async def feedback(self, request: Request) -> Response:
        items = feedback.parse(await request.body(), max_items=self._max_items)
        stored = await self._worker.feedback.store(items)
        return json_response(feedback.rendered(stored))
