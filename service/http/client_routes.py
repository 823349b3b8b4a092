"""The routes for clients: predictions in our own and Hugging Face's protocol, and feedback."""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from service.answering.explaining import TIME_SHARE
from service.answering.predictor import PredictRequest
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
        self._shows_like = worker.config.service.show_labelled
        self._most_items = worker.config.service.most_items

    def routes(self) -> list[Route]:
        return [
            Route("/predict", self.predict, method="POST", takes_texts=True, operation=PREDICT),
            Route("/models/{name}", self.hugging_face, method="POST", takes_texts=True, operation=HUGGING_FACE),
            Route("/feedback", self.feedback, method="POST", scope="feedback", operation=FEEDBACK),
        ]

    async def predict(self, request: Request) -> Response:
        parsed = own.parse(await request.body(), max_items=self._most_items)
        if parsed.explains:
            shows_like = self._shows_like or self._worker.access.may_see_texts(request)
            return json_response(await explained(self._worker, parsed, request.scope["state"], shows_like=shows_like))
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


async def explained(
    worker: Worker, request: PredictRequest, state: dict[str, Any] | None = None, *, shows_like: bool
) -> dict[str, Any]:
    """The answers, and then their explanations, within the time limits of the request and of the server.

    `state`: see `Predictor.predict`. Raises as that, and `InvalidBody` or `Overloaded` before anything is answered.
    """
    settings, loop = worker.config.service, asyncio.get_running_loop()
    began, limit_s = loop.time(), settings.timeout_s * TIME_SHARE
    own.require_explainable(request, most=settings.max_explained)
    worker.explainer.require_room(len(request.texts))
    predictions = await worker.predictor.predict(request, state)
    left_s = min(limit_s, request.timeout_s or limit_s) - (loop.time() - began)
    explanations = await worker.explainer.of_predictions(
        request.texts, predictions, shows_like=shows_like, timeout_s=left_s
    )
    return own.rendered(predictions, explanations)
