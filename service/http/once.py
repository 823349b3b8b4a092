"""`Idempotency-Key`: a change that a client sends again with the same key is made once, and answered alike."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar

from starlette.requests import Request
from starlette.responses import Response

from core.errors import InvalidInput, PromotionSuperseded, PromotionTimeout, RequestRunning, Unavailable
from core.isolated import sentence_of
from core.repeatable import Claim, KeptAnswer, Repeatable
from service.access.actor import actor_of
from service.http.envelope import error_response
from service.http.route import JSON, Endpoint, Route, Schema
from service.worker import Worker

T = TypeVar("T")
HEADER, REPLAYED = "Idempotency-Key", "Idempotent-Replayed"
KEY = re.compile(r"[!-~]{1,128}")
# How long a request waits for the answer to the same request before it is refused, and how often it looks.
WAIT_S, PAUSE_S = 5.0, 0.1
# How long a change that needs no ledger waits for it.
LEDGER_S = 1.0
AFTER_A_CHANGE = (PromotionTimeout, PromotionSuperseded)
"""Refusals that come after a change: sent again, the request would make another one."""
PARAMETER: Schema = {
    "name": HEADER,
    "in": "header",
    "required": False,
    "description": "A request with the key of an earlier one gets its answer, and changes nothing.",
    "schema": {"type": "string", "pattern": f"^{KEY.pattern}$"},
}
logger = logging.getLogger(__name__)


def once(route: Route, worker: Worker) -> Route:
    """The route, which heeds the header. Without the header nothing is different."""
    route.endpoint = Once(worker, route.endpoint, needs_ledger=route.needs_ledger).answer
    if route.operation is not None:
        parameters = [*route.operation.more.get("parameters", []), PARAMETER]
        more, refusals = {**route.operation.more, "parameters": parameters}, [*route.operation.refusals, "409"]
        route.operation = replace(route.operation, more=more, refusals=refusals)
    return route


class Once:
    def __init__(self, worker: Worker, endpoint: Endpoint, *, needs_ledger: bool) -> None:
        """`needs_ledger` False: without the ledger the change is made all the same."""
        self._worker, self._endpoint, self._needs_ledger = worker, endpoint, needs_ledger
        self._making: set[asyncio.Task[Response]] = set()

    async def answer(self, request: Request) -> Response:
        key = request.headers.get(HEADER)
        if key is None:
            return await self._endpoint(request)
        if not KEY.fullmatch(key):
            raise InvalidInput(f"The header {HEADER} is not usable. Send 1 to 128 characters of ASCII without blanks.")
        claim = Claim(actor_of(request).who, key, await _sha256(request))
        if (kept := await self._begun(claim)) is not None:
            return Response(kept.body, kept.status, {REPLAYED: "true"}, JSON)
        # It goes on if the client has gone or the time is up: the change is made then, and its answer is kept.
        making = asyncio.create_task(self._made(request, claim))
        self._making.add(making)
        making.add_done_callback(self._forget)
        return await asyncio.shield(making)

    async def _begun(self, claim: Claim) -> KeptAnswer | None:
        """The kept answer, if there is one. Raises `RequestRunning`, `KeyOfOtherRequest` or `Unavailable`."""
        deadline = asyncio.get_running_loop().time() + WAIT_S
        while True:
            try:
                async with asyncio.timeout(None if self._needs_ledger else LEDGER_S):
                    return await self._worker.run_for_operator(self._with_store, Repeatable.begin, claim)
            except RequestRunning:
                if asyncio.get_running_loop().time() > deadline:
                    raise
                await asyncio.sleep(PAUSE_S)
            except (Unavailable, TimeoutError) as error:
                if self._needs_ledger:
                    raise
                logger.error("A change is made without its %s: %s", HEADER, sentence_of(error))
                return None

    async def _made(self, request: Request, claim: Claim) -> Response:
        try:
            response = await self._endpoint(request)
        except AFTER_A_CHANGE as error:
            await self._end(Repeatable.keep, claim, _kept(error_response(error, request.state.request_id)))
            raise
        except BaseException:
            await self._end(Repeatable.give_up, claim)
            raise
        await self._end(Repeatable.keep, claim, _kept(response))
        return response

    async def _end(self, *call: Any) -> None:
        """Durable before the answer, unless the change is not to wait for the ledger."""
        if self._needs_ledger:
            await self._worker.run_for_operator(self._end_now, *call)
        else:
            self._worker.promotion_executor.submit(self._end_now, *call)

    def _end_now(self, *call: Any) -> None:
        try:
            self._with_store(*call)
        except Unavailable as error:
            logger.error("The answer to a request with the header %s is not kept: %s", HEADER, error)

    def _with_store(self, call: Callable[..., T], *given: Any) -> T:
        return call(Repeatable(self._worker.home.ledger.database), *given)

    def _forget(self, making: asyncio.Task[Response]) -> None:
        self._making.discard(making)
        if not making.cancelled():
            making.exception()  # it is raised to the client, unless that has gone


async def _sha256(request: Request) -> str:
    head = f"{request.method} {request.url.path}\n"
    return hashlib.sha256(head.encode() + await request.body()).hexdigest()


def _kept(response: Response) -> KeptAnswer:
    return KeptAnswer(response.status_code, bytes(response.body).decode())
