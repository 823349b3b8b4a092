"""HTTP/1.1 on a connection: the state machine of `service.wire.states` on top of uvicorn's protocol class.

Requests go directly to our app and bypass BentoML's middleware (docs/decisions/0005-http-bypass.md). Malformed, too
large or too slow request headers get a response in our error envelope; uvicorn answers malformed headers in plain text
and has no timeout for slow ones. At overload, requests are refused by their headers alone, without an asyncio task.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from httptools import HttpParserError, HttpParserUpgrade
from starlette.types import ASGIApp
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from core.errors import RetuneError
from service.refusals import BodyCut, BodyTooSlow, HeadTooLarge, HeadTooSlow, MalformedRequest
from service.wire.balancing import Balancer
from service.wire.body import BROKEN
from service.wire.exchange import Exchange, Flow
from service.wire.heads import MAX_HEAD_BYTES, Head, head_error, keeps_alive, scope_of, target_in
from service.wire.states import ANSWERING, BODY, CLOSING, FINISHING, HEAD, IDLE, NEW, NEXT_HEAD, REST, TABLE, Event
from service.wire.upgrade import body_parser, head_of_body

# Pipelined requests that may wait for earlier responses. One read may contain thousands; clients send the rest again.
MAX_PIPELINED = 64
HEADS = frozenset({HEAD, NEXT_HEAD})
# A timer this late shows that the worker stood still: a busy machine, a container that was paused.
LATE_S = 0.05
# States with a timeout: the client must send more data.
TIMED = frozenset({NEW, HEAD, NEXT_HEAD, BODY, REST})
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Callbacks:
    """The app's functions that connections call. `refusal` builds the complete response to invalid request headers from
    the error and the received part of the target. `early_refusal` is called while `full_for_s` does not return None; it
    returns the complete response, or None to accept. `head_s`: time limit of the headers. `stall_s`: idle timeout.
    """

    app: ASGIApp
    refusal: Callable[[RetuneError, bytes], bytes]
    full_for_s: Callable[[], int | None]
    early_refusal: Callable[[Head, int], bytes | None]
    head_s: float
    stall_s: float


class Connection(HttpToolsProtocol):
    """One client connection. `states.TABLE` gives the action and the next state for each event."""

    cycle: Exchange  # of the latest request
    flow: Flow

    def __init__(self, callbacks: Callbacks, balancer: Balancer, **options: Any) -> None:
        super().__init__(**options)
        self.state = NEW
        self.url = b""  # uvicorn sets it when a request begins
        self._callbacks = callbacks
        self._balancer = balancer
        self._deadline = math.inf
        self._timer_due = math.inf
        self._exchanges: deque[Exchange] = deque()  # unanswered; the app is running the first one
        self._begun = 0
        self._field_bytes = 0  # size of the request headers, then of the trailers
        self._quiet_since = 0.0

    def _on(self, event: Event, given: Any = None) -> None:
        try:
            self.state, act = TRANSITIONS[self.state][event]
        except KeyError:
            logger.error("A connection is closed: %r cannot happen in state %s", event, self.state.name)
            self.state, act = CLOSING, Connection._close
        act(self, given)

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self.flow = Flow(transport)
        self._become_idle()
        self._balancer.use(self)

    def data_received(self, data: bytes) -> None:
        self._unset_keepalive_if_required()
        self._on("data", data)

    def eof_received(self) -> bool | None:  # type: ignore[override]  # as asyncio.Protocol; uvicorn returns None
        """Whether to keep the connection open for writing a response."""
        self._on("end", BodyCut() if self.state is BODY else MalformedRequest())
        return self.state is FINISHING and self.scheme == "http"  # TLS closes both directions at once

    def connection_lost(self, exc: Exception | None) -> None:
        self._on("lost", exc)

    def shutdown(self) -> None:
        """Close the connection after the responses to its requests."""
        self._on("shutdown")

    def quiet_s(self, now: float) -> float:
        """Seconds since the last response or, before the first, since the connection opened; 0 during a request, unless
        its response is a stream, which takes next to no time of the worker.
        """
        is_quiet = self.state in (NEW, IDLE, CLOSING) or (self.state is ANSWERING and self._exchanges[0].is_streaming)
        return now - self._quiet_since if is_quiet else 0.0

    def on_message_begin(self) -> None:
        self._on("begin")

    def on_header(self, name: bytes, value: bytes) -> None:
        """Called for headers and for trailers. Trailers are dropped: the request was accepted without them."""
        if self.state in HEADS:
            HttpToolsProtocol.on_header(self, name, value)  # super() would double the time for each header
            return
        self._field_bytes += len(name) + len(value)
        if self._field_bytes > MAX_HEAD_BYTES:
            self._stop_parser()

    def on_headers_complete(self) -> None:
        error = MalformedRequest() if len(self._exchanges) > MAX_PIPELINED else head_error(self)
        if error is not None:
            self._on("fail", error)
            self._stop_parser()
        elif (answer := self._early_refusal()) is not None:
            self._on("shed", answer)
        else:
            self._on("accept", scope_of(self))

    def on_body(self, body: bytes) -> None:
        self._on("part", body)

    def on_message_complete(self) -> None:
        self._on("complete")

    def _start_timer(self) -> None:
        """Replaces uvicorn's keep-alive timer: `IdleSweep` closes idle connections."""
        self._start_timer_until(min(self._deadline, self.loop.time() + self._callbacks.stall_s))

    def _start_timer_until(self, end: float) -> None:
        self._timer_due = max(end, self.loop.time())
        self.timeout_keep_alive_task = self.loop.call_at(end, self._time_out)

    def _time_out(self) -> None:
        now = self.loop.time()
        if self.flow.read_paused:  # the server does not read, so the client may be sending
            self._deadline = max(self._deadline, now + self._callbacks.head_s)
            self._start_timer()
        elif now - self._timer_due > LATE_S:  # what came meanwhile is not read yet
            self._start_timer_until(now + LATE_S)
        else:
            self._on("fail", BodyTooSlow() if self.state is BODY else HeadTooSlow())

    def _end_exchange(self) -> None:
        self.server_state.total_requests += 1
        keep_alive = self._exchanges.popleft().keep_alive
        self._on("hang_up" if not keep_alive else "next" if self._exchanges else "answered")
        self.flow.is_held = len(self._exchanges) > 1 or self.state in (FINISHING, CLOSING)
        self.flow.resume_reading()

    def _read(self, data: bytes) -> None:
        before, begun = self.state, self._begun
        self._parse(data)
        if self.state in HEADS:
            # Count only reads that contain nothing but these headers; any other read is limited by its own size.
            if before not in (BODY, REST) and (before in HEADS) + self._begun - begun == 1:
                self._field_bytes += len(data)
            if self._field_bytes > MAX_HEAD_BYTES:
                self._on("fail", HeadTooLarge(MAX_HEAD_BYTES))
        elif self.state is NEW:  # empty lines may precede the first request, for a limited time
            self._deadline = min(self._deadline, self.loop.time() + self._callbacks.head_s)
        if self.state in TIMED:
            self._start_timer()

    def _parse(self, data: bytes) -> None:
        try:
            self.parser.feed_data(data)
        except HttpParserUpgrade as offer:
            self._on("upgrade", data[offer.args[0] :])
        except HttpParserError:
            if not self.url:  # the parser reads no target after an unknown method
                self.url = target_in(data)
            self._on("fail", MalformedRequest())

    def _stop_parser(self, _: object = None) -> None:
        raise MalformedRequest

    def _begin(self, _: object = None) -> None:
        super().on_message_begin()
        self._begun += 1
        self._field_bytes = 0
        self._deadline = self.loop.time() + self._callbacks.head_s
        self._balancer.use(self)

    def _accept(self, scope: Any) -> None:
        is_first = not self._exchanges
        self.cycle = Exchange(
            scope=scope,
            transport=self.transport,
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=False,
            default_headers=self.server_state.default_headers,
            message_event=asyncio.Event(),
            expect_100_continue=self.expect_100_continue,
            keep_alive=keeps_alive(self.parser) and not (is_first and self._balancer.should_close()),
            on_response=self._end_exchange,
        )
        self._exchanges.append(self.cycle)
        self._field_bytes = 0
        self._deadline = math.inf
        if is_first:
            self._answer_next()
        else:
            self._hold()

    def _hold(self) -> None:
        """Stop reading, even if the app asks for more of a body: earlier requests must be answered first."""
        self.flow.is_held = True
        self.flow.pause_reading()

    def _answer_next(self, _: object = None) -> None:
        exchange = self._exchanges[0]
        exchange.task = task = self.loop.create_task(exchange.run(self._callbacks.app))
        task.add_done_callback(self.tasks.discard)
        self.tasks.add(task)

    def _early_refusal(self) -> bytes | None:
        """The response to a request that is refused without a task; None if the request goes to the app."""
        if self.state is NEXT_HEAD or (full_for_s := self._callbacks.full_for_s()) is None:
            return None
        # Not for a client that waits for "100 Continue": it would omit the body that Content-Length announces. Not for
        # a client that does not read its responses: `Exchange.send` waits for it.
        if self.expect_100_continue or self.flow.write_paused or self.parser.should_upgrade():
            return None
        method, keep_alive = self.parser.get_method(), keeps_alive(self.parser)
        head = Head(method, self.url, self.headers, self.scheme, keep_alive)
        return self._callbacks.early_refusal(head, full_for_s)

    def _shed(self, answer: bytes) -> None:
        self.transport.write(answer)
        self.server_state.total_requests += 1
        self._field_bytes = 0
        self._drop_rest()

    def _take_part(self, body: bytes) -> None:
        exchange = self.cycle
        exchange.body += body
        if len(exchange.body) > HIGH_WATER_LIMIT:
            self.flow.pause_reading()
        exchange.message_event.set()

    def _end_body(self, _: object = None) -> None:
        self.cycle.more_body = False
        self.cycle.message_event.set()

    def _break_body(self, error: RetuneError) -> None:
        """End the body early with an error for the app, which answers; then the connection is closed."""
        self.cycle.scope["state"][BROKEN] = error
        self.cycle.message_event.set()
        self._let_last_close()

    def _drop_rest(self, _: object = None) -> None:
        """Limit the total time of the rest of the request."""
        self._deadline = self.loop.time() + self._callbacks.head_s

    def _end_rest(self, _: object = None) -> None:
        """Close only after the whole body: a client that is cut off while sending may lose the response."""
        self._become_idle()
        if not keeps_alive(self.parser):
            self._on("hang_up")

    def _become_idle(self, _: object = None) -> None:
        self._quiet_since = self.loop.time()

    def _decline_upgrade(self, rest: bytes) -> None:
        self._let_last_close()
        self.cycle.more_body = True
        self.parser = body_parser(self)
        self._parse(head_of_body(self.headers))
        if rest:
            self._parse(rest)

    def _refuse(self, error: RetuneError) -> None:
        """Send the error response without the app, and close the connection."""
        self.transport.write(self._callbacks.refusal(error, self.url))
        self.transport.close()

    def _let_last_close(self, _: object = None) -> None:
        self.cycle.keep_alive = False

    def _stop_reading(self, _: object) -> None:
        self._let_last_close()
        self._hold()

    def _close(self, _: object) -> None:
        self.transport.close()

    def _ignore(self, _: object) -> None:
        pass

    def _lose(self, exc: Exception | None) -> None:
        self._unset_keepalive_if_required()
        super().connection_lost(exc)
        self._balancer.closed(self)
        if self._exchanges and (task := self._exchanges[0].task) is not None:
            self._exchanges[0].scope["state"]["gone"] = True
            task.cancel()


TRANSITIONS = {
    state: {event: (following, getattr(Connection, action)) for event, (following, action) in row.items()}
    for state, row in TABLE.items()
}
