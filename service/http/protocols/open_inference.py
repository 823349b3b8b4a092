"""The routes of the Open Inference Protocol v2, compatible with KServe, Triton and MLServer."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from service.answering.model import ServedVersion
from service.http.envelope import json_response
from service.http.openapi import API_VERSION, content
from service.http.protocols.infer_answer import OUTPUTS, rendered
from service.http.protocols.infer_request import PAIR, TEXT, parse, require_matching_kind
from service.http.route import JSON, OCTETS, OPEN_INFERENCE, Endpoint, Operation, Route
from service.http.schema_parts import ref
from service.http.schemas import EXAMPLES
from service.worker import Worker

JSON_BYTES = "Inference-Header-Content-Length"
TENSOR = {"name": "text", "datatype": "BYTES", "shape": [2], "data": EXAMPLES}
ANSWER = {
    **content({"application/json": ref("InferAnswer"), "application/octet-stream": {}}),
    "headers": {JSON_BYTES: {"schema": {"type": "integer"}}},
}
BINARY = {
    "description": "With `binary_data` tensors follow the JSON as bytes (the protocol's binary extension).",
    "parameters": [
        {
            "name": JSON_BYTES,
            "in": "header",
            "description": "The length of the JSON in bytes if binary tensors follow it; left out: the whole body.",
            "schema": {"type": "integer", "minimum": 0},
        }
    ],
}


class Endpoints:
    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._max_items = worker.config.service.most_items

    def routes(self) -> list[Route]:
        return [
            _route("/v2", self.server, Operation("The server and its extensions", "Server")),
            *self._model_routes("/v2/models/{name}", "the champion"),
            *self._model_routes("/v2/models/{name}/versions/{version}", "a version"),
        ]

    def _model_routes(self, path: str, what: str) -> list[Route]:
        described = Operation(f"Inputs, outputs and labels of {what}", "ModelMetadata")
        loaded = Operation(f"Whether {what} is in memory", "ModelReady")
        answered = Operation(
            f"Answer texts by {what}", ANSWER, takes="InferRequest", example={"inputs": [TENSOR]}, more=BINARY
        )
        return [
            _route(path, self.model, described),
            _route(f"{path}/ready", self.model_ready, loaded),
            _route(f"{path}/infer", self.infer, answered, method="POST", takes_texts=True),
        ]

    async def server(self, _: Request) -> Response:
        return json_response({"name": "retune", "version": API_VERSION, "extensions": ["binary_tensor_data"]})

    async def model(self, request: Request) -> Response:
        return json_response(metadata(self._served(request)))

    async def model_ready(self, request: Request) -> Response:
        served = self._served(request)
        return json_response({"name": served.model, "ready": True})

    async def infer(self, request: Request) -> Response:
        if "content-type" not in request.headers:
            # Browsers let a page of another site send a body without Content-Type and without a preflight request.
            self._worker.access.require_same_origin(request)
        served = self._served(request)
        given = request.headers.getlist(JSON_BYTES)
        parsed = parse(
            await request.body(),
            json_bytes=", ".join(given) if given else None,  # a repeated header is invalid, and so is an empty one
            model=served.model,
            version=request.path_params.get("version"),
            max_items=self._max_items,
        )
        require_matching_kind(parsed, is_paired=served.engine.facts.is_paired)
        predictions = await self._worker.predictor.predict(parsed.request, request.scope["state"])
        body, json_bytes = rendered(predictions, parsed.outputs, request_id=parsed.id)
        if json_bytes is None:
            return Response(body, media_type=JSON)
        return Response(body, media_type=OCTETS, headers={JSON_BYTES: str(json_bytes)})

    def _served(self, request: Request) -> ServedVersion:
        return self._worker.champions.version(request.path_params["name"], request.path_params.get("version"))


def _route(path: str, endpoint: Endpoint, operation: Operation, **facts: Any) -> Route:
    return Route(path, endpoint, group=OPEN_INFERENCE, operation=operation, **facts)


def metadata(served: ServedVersion) -> dict[str, Any]:
    """Inputs and outputs of a version, and its labels in the order of its probabilities."""
    facts = served.engine.facts
    labels = list(served.engine.labels)
    inputs = [TEXT, PAIR] if facts.is_paired else [TEXT]
    return {
        "name": served.model,
        "versions": [served.version],
        "platform": "onnxruntime_onnx",
        "inputs": [{"name": name, "datatype": "BYTES", "shape": [-1]} for name in inputs],
        "outputs": [
            {"name": name, "datatype": datatype, "shape": [-1, len(labels)] if name == "probabilities" else [-1]}
            for name, datatype in OUTPUTS.items()
        ],
        "parameters": {"labels": labels, "kind": facts.kind},
    }
