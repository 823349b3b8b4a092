"""HTTP/1.1 on a connection: the states of `service.wire.states` on top of uvicorn's protocol.

Requests go straight to our app, past BentoML's middleware (docs/decisions/0005-http-bypass.md). A head that is
malformed, too large or too slow is answered in our envelope; uvicorn answers the first in plain text and waits for ever
for the last. Requests that can be refused by their head alone are refused without a task.
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
from service.wire.states import BODY, CLOSING, FINISHING, HEAD, IDLE, NEW, NEXT_HEAD, REST, TABLE, Event
from service.wire.upgrade import body_parser, head_of_body

# Requests that wait for the answer to the one before. One read may bring thousands; clients send the rest again.
MAX_PIPELINED = 64
HEADS = frozenset({HEAD, NEXT_HEAD})
# In these states the client has to send more within a time.
TIMED = frozenset({NEW, HEAD, NEXT_HEAD, BODY, REST})
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Callbacks:
    """The app, as connections call it. `refusal` is the whole response to a head with an error, of which a part of the
    target may have come. `early_refusal` is the whole response to a request that is refused while `full_for_s` is not
    None, or None if it is not. `head_s` bounds the time of a head, `stall_s` a silence.
    """

    app: ASGIApp
    refusal: Callable[[RetuneError, bytes], bytes]
    full_for_s: Callable[[], int | None]
    early_refusal: Callable[[Head, int], bytes | None]
    head_s: float
    stall_s: float


class Connection(HttpToolsProtocol):
    """One client. The table of `states` gives the action and the next state for each event."""

    cycle: Exchange  # the last one begun
    flow: Flow

    def __init__(self, callbacks: Callbacks, balancer: Balancer, **options: Any) -> None:
        super().__init__(**options)
        self.state = NEW
        self.url = b""  # uvicorn has none before the first request
        self._callbacks = callbacks
        self._balancer = balancer
        self._deadline = math.inf
        self._exchanges: deque[Exchange] = deque()  # not yet answered; the first one is running
        self._begun = 0
        self._field_bytes = 0  # of the head, then of the trailers
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

    def eof_received(self) -> bool | None:  # type: ignore[override]  # asyncio's own says so, uvicorn's never does
        """Whether to keep the other direction open, for an answer."""
        self._on("end", BodyCut() if self.state is BODY else MalformedRequest())
        return self.state is FINISHING and self.scheme == "http"  # TLS closes both at once

    def connection_lost(self, exc: Exception | None) -> None:
        self._on("lost", exc)

    def shutdown(self) -> None:
        """Close it once its requests are answered."""
        self._on("shutdown")

    def quiet_s(self, now: float) -> float:
        """Seconds since its last answer or, before the first, since it was made; 0 while there is a request."""
        return now - self._quiet_since if self.state in (NEW, IDLE, CLOSING) else 0.0

    def on_message_begin(self) -> None:
        self._on("begin")

    def on_header(self, name: bytes, value: bytes) -> None:
        """Trailers come here as well, and are none of the headers that the request was accepted with."""
        if self.state in HEADS:
            HttpToolsProtocol.on_header(self, name, value)  # super() would cost as much again for each header
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
        """In place of uvicorn's for idle connections, which `IdleSweep` closes."""
        end = min(self._deadline, self.loop.time() + self._callbacks.stall_s)
        self.timeout_keep_alive_task = self.loop.call_at(end, self._time_out)

    def _time_out(self) -> None:
        if self.flow.read_paused:  # the silence is not the client's
            self._deadline = max(self._deadline, self.loop.time() + self._callbacks.head_s)
            self._start_timer()
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
            # Only reads that hold nothing but this head are counted; another read is bounded by its own size.
            if before not in (BODY, REST) and (before in HEADS) + self._begun - begun == 1:
                self._field_bytes += len(data)
            if self._field_bytes > MAX_HEAD_BYTES:
                self._on("fail", HeadTooLarge(MAX_HEAD_BYTES))
        elif self.state is NEW:  # empty lines may precede the first request, but not for ever
            self._deadline = min(self._deadline, self.loop.time() + self._callbacks.head_s)
        if self.state in TIMED:
            self._start_timer()

    def _parse(self, data: bytes) -> None:
        try:
            self.parser.feed_data(data)
        except HttpParserUpgrade as offer:
            self._on("upgrade", data[offer.args[0] :])
        except HttpParserError:
            if not self.url:  # the parser reads no target after a wrong method
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
        """Read no more, even if an app asks for more of a body: there is enough to answer."""
        self.flow.is_held = True
        self.flow.pause_reading()

    def _answer_next(self, _: object = None) -> None:
        exchange = self._exchanges[0]
        exchange.task = task = self.loop.create_task(exchange.run(self._callbacks.app))
        task.add_done_callback(self.tasks.discard)
        self.tasks.add(task)

    def _early_refusal(self) -> bytes | None:
        """The answer to a request that is not worth a task, if it is the next to be answered."""
        if self.state is NEXT_HEAD or (full_for_s := self._callbacks.full_for_s()) is None:
            return None
        # A client that waits for "100 Continue" would not send its body, and its length would not hold. One that does
        # not read its answers waits for its turn.
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
        """No more of the body will come: the app learns why, answers, and the connection ends."""
        self.cycle.scope["state"][BROKEN] = error
        self.cycle.message_event.set()
        self._let_last_close()

    def _drop_rest(self, _: object = None) -> None:
        """Bound its time, however fast it comes."""
        self._deadline = self.loop.time() + self._callbacks.head_s

    def _end_rest(self, _: object = None) -> None:
        """Only now close, if at all: a client whose body is cut off may lose the answer."""
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
        """Answer in place of the app, and hang up."""
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
