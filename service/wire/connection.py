"""HTTP/1.1 on a connection: what uvicorn's protocol leaves open.

Requests go straight to our app, past BentoML's middleware (docs/decisions/0005-front-door.md). A head that
is malformed, too large or too slow is answered in our envelope; uvicorn answers the first in plain text and
waits for ever for the last. What can be refused by its head alone is refused without a task.
"""

from __future__ import annotations

import asyncio
import math
from collections import deque
from itertools import chain
from types import SimpleNamespace
from typing import Any
from urllib.parse import unquote

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser, parse_url
from starlette.types import Scope
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from core.errors import RetuneError
from service.refusals import BodyCut, BodyTooSlow, HeadTooLarge, HeadTooSlow, MalformedRequest
from service.wire.balancing import Balancer
from service.wire.body import BROKEN
from service.wire.callbacks import Callbacks
from service.wire.exchange import Exchange
from service.wire.heads import FRAMING, Head

# Written by clients and proxies without an end; 16 KiB hold the longest cookies and tokens there are. As much of
# trailers, which are dropped.
MAX_HEAD_BYTES = 16_384
# Requests that wait for the answer to the one before; one read may bring thousands. Who sends more asks again for them.
MAX_PIPELINED = 64
# The parser lets 0.9 and 2.0 pass as well.
VERSIONS = ("1.1", "1.0")


class Connection(HttpToolsProtocol):
    """One client; `head_s` bounds the time of a request's head, `stall_s` the silence in the middle of a request."""

    cycle: Exchange  # type: ignore[assignment]  # ours has the names that uvicorn's protocol asks for

    def __init__(self, callbacks: Callbacks, balancer: Balancer, **options: Any) -> None:
        super().__init__(**options)
        self._callbacks = callbacks
        self._balancer = balancer
        self.ws_protocol_class = None
        self.url = b""  # which uvicorn leaves out until there is a request
        self._head_bytes = 0
        self._in_head = False
        self._head_deadline = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._running: Exchange | None = None
        self._pipelined: deque[Exchange] = deque()
        self._in_message = False
        self._turned_away = False
        self._trailer_bytes = 0
        self._rest_deadline: float | None = None
        self._refused: Head | None = None
        self._begun = 0
        self._quiet_since = 0.0

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        # As after an answer: who connects and says nothing goes when an idle client would.
        self._quiet_since = self.loop.time()
        self._balancer.use(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        super().connection_lost(exc)
        self._balancer.closed(self)
        exchange = self._running
        if exchange is not None and exchange.task is not None and not exchange.response_complete:
            exchange.scope["state"]["gone"] = True
            exchange.task.cancel()

    def eof_received(self) -> bool | None:  # type: ignore[override]  # asyncio's own says so, uvicorn's never does
        """In the middle of a request there is something to say yet; else who says no more has gone."""
        if self._in_head:
            self._refuse(MalformedRequest())
        elif self._waits_for_body:
            self._break_body(BodyCut())
            return self.scheme == "http"  # TLS has no half of a connection
        return None

    def quiet_s(self, now: float) -> float:
        """Seconds since its last answer or, before the first, since it came; 0 while it waits for one."""
        return 0.0 if self._in_message or not self._is_answered else now - self._quiet_since

    @property
    def awaits_request(self) -> bool:
        """Whether no request has come yet, or only a part of a head."""
        return not self.transport.is_closing() and (self._in_head or not self._begun)

    def close_idle(self) -> None:
        self.transport.close()

    @property
    def unread_bytes(self) -> int | None:
        """What the client has not read of its answers, if it is slow to."""
        is_slow = self.flow.write_paused or self.transport.is_closing()
        return self.transport.get_write_buffer_size() if is_slow else None

    def data_received(self, data: bytes) -> None:
        if self._refuses_again(data):
            return
        self._stop_timer()
        # Whether all of it is the head that it ends in; else what came before is not counted: a read has an end, too.
        is_head = self._in_head or not self._in_message
        begun = self._begun
        self._refused = None
        was_between = not self._in_message
        self._parse(data)
        if self.transport.is_closing() or (self._begun and not self._in_message):
            if self._refused is not None and was_between and self._begun - begun == 1:
                self._callbacks.refused.add(self._refused, data)
            return
        if self._in_head:
            self._head_bytes += len(data) if is_head and self._begun - begun <= 1 else 0
            if self._head_bytes > MAX_HEAD_BYTES:
                self._refuse(HeadTooLarge(MAX_HEAD_BYTES))
                return
            self._start_timer(until=self._head_deadline)
        elif self._waits_for_body:
            self._start_timer()
        elif self._is_answered:  # what comes is dropped; however fast it does, not for ever
            if self._rest_deadline is None:
                self._rest_deadline = self.loop.time() + self._callbacks.head_s
            self._start_timer(until=self._rest_deadline)

    def _parse(self, data: bytes) -> None:
        try:
            self.parser.feed_data(data)
        except HttpParserUpgrade as offer:
            self._decline(data[offer.args[0] :])
        except HttpParserError:
            if not self.url and self._is_answered:  # a method that is none hides what was asked for
                self.url = _target_in(data)
            self._refuse_malformed()

    def _decline(self, rest: bytes) -> None:
        """Answer in HTTP/1.1 who offers to go on in another protocol, as Java's client does with each request.

        The parser takes what follows such a head for the other protocol, so another one reads it as the body.
        """
        if self.cycle.response_complete:
            self.transport.close()
            return
        self.cycle.keep_alive = False
        self.cycle.more_body = True
        self._in_message = True
        self.parser = HttpRequestParser(
            SimpleNamespace(on_body=self.on_body, on_message_complete=self.on_message_complete)
        )
        framing = [name + b": " + value + b"\r\n" for name, value in self.headers if name in FRAMING]
        self._parse(b"".join([b"POST / HTTP/1.1\r\nConnection: close\r\n", *framing, b"\r\n"]))
        if rest:
            self._parse(rest)

    @property
    def _waits_for_body(self) -> bool:
        cycle = self.cycle
        return cycle is not None and cycle.more_body and not cycle.response_complete

    @property
    def _drops_rest(self) -> bool:
        """Whether the request that is coming in has its answer before it is here as a whole."""
        return self.cycle is not None and self.cycle.more_body and self.cycle.response_complete

    @property
    def _is_answered(self) -> bool:
        """Whether all that was asked has its answer."""
        return self.cycle is None or self.cycle.response_complete

    def on_message_begin(self) -> None:
        self._in_head = self._in_message = True
        self._turned_away = False
        self._begun += 1
        self._balancer.use(self)
        self._head_bytes = self._trailer_bytes = 0
        self._head_deadline = self.loop.time() + self._callbacks.head_s
        self._rest_deadline = None
        self.url = b""
        self.headers = []
        self.expect_100_continue = False

    def on_header(self, name: bytes, value: bytes) -> None:
        """Trailers come here as well, and are none of the headers that the request was let in with."""
        if self._in_head:
            super().on_header(name, value)
            return
        self._trailer_bytes += len(name) + len(value)
        if self._trailer_bytes > MAX_HEAD_BYTES:
            raise MalformedRequest  # which stops the parser

    def on_headers_complete(self) -> None:
        self._in_head = False
        if self.transport.is_closing():  # what follows the last answer is nobody's
            self._turned_away = True
            return
        if len(self._pipelined) == MAX_PIPELINED:
            raise MalformedRequest  # which stops the parser, and makes the answer to the one before the last
        if (error := self._problem_of_head()) is not None:
            self._refuse(error)
            raise error  # which stops the parser
        if (answer := self._early_answer()) is None:
            self._begin_exchange()
            return
        self._turned_away = True
        self._write_early(answer)

    def on_body(self, body: bytes) -> None:
        exchange = self.cycle
        if self._turned_away or exchange.response_complete:
            return
        exchange.body += body
        if len(exchange.body) > HIGH_WATER_LIMIT:
            self.flow.pause_reading()
        exchange.message_event.set()

    def on_message_complete(self) -> None:
        self._in_message = False
        self._quiet_since = self.loop.time()
        if not self._turned_away:
            self.cycle.more_body = False
            self.cycle.message_event.set()
        elif not self._keeps_alive:  # only now: to close before its body has come would tear the answer away
            self.transport.close()

    def on_response_complete(self) -> None:
        """As uvicorn's, but for its timer."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self._quiet_since = self.loop.time()
        if self._pipelined:
            self._run(self._pipelined.popleft())
        self._resume_reading()

    def _resume_reading(self) -> None:
        """Unless there is enough to answer."""
        if not self._pipelined:
            self.flow.resume_reading()

    @property
    def _keeps_alive(self) -> bool:
        keeps_alive: bool = self.parser.get_http_version() != "1.0" and self.parser.should_keep_alive()
        return keeps_alive

    def _early_answer(self) -> bytes | None:
        """To a request that is not worth a task, if the answers before it are written."""
        if (full_for_s := self._callbacks.full_for_s()) is None:
            return None
        # Who asks for leave to send a body would, once refused, not send it, and its length would not hold; who
        # does not read its answers waits for its turn like everybody.
        takes_time = self.expect_100_continue or self.flow.write_paused or self.parser.should_upgrade()
        if takes_time or not self._is_answered:
            return None
        head = Head(self.parser.get_method(), self.url, self.headers, self.scheme, self._keeps_alive)
        answer = self._callbacks.early_refusal(head, full_for_s)
        self._refused = head if answer is not None else None
        return answer

    def _refuses_again(self, data: bytes) -> bool:
        """Answer a request that is known to be refused by its head, past the parser, if it is here as a whole."""
        if self._in_message or not self._is_answered or self.transport.is_closing() or self.flow.write_paused:
            return False
        if (full_for_s := self._callbacks.full_for_s()) is None or (head := self._callbacks.refused.find(data)) is None:
            return False
        if (answer := self._callbacks.early_refusal(head, full_for_s)) is None:
            return False
        self._stop_timer()
        self._begun += 1
        self._balancer.use(self)
        self._quiet_since = self.loop.time()
        self._write_early(answer)
        return True

    def _write_early(self, answer: bytes) -> None:
        self.transport.write(answer)
        self.server_state.total_requests += 1

    def _problem_of_head(self) -> RetuneError | None:
        """What the parser has nothing against."""
        version = self.parser.get_http_version()
        if version not in VERSIONS:
            return MalformedRequest()
        if version == "1.1" and [name for name, _ in self.headers].count(b"host") != 1:
            return MalformedRequest()
        # A head that comes in one piece is whole before it is measured on the way in.
        if len(self.url) + sum(map(len, chain.from_iterable(self.headers))) > MAX_HEAD_BYTES:
            return HeadTooLarge(MAX_HEAD_BYTES)
        return None

    def _refuse_malformed(self) -> None:
        self._in_head = False
        if self._waits_for_body:
            self._break_body(MalformedRequest())
        else:
            self._refuse(MalformedRequest())

    def _begin_exchange(self) -> None:
        is_first = self._is_answered
        exchange = self.cycle = Exchange(
            self._scope(),
            self.transport,
            self.flow,
            always=self.server_state.default_headers,
            keep_alive=self._keeps_alive and not (is_first and self._balancer.should_close()),
            asks_to_go_on=self.expect_100_continue,
            on_read=self._resume_reading,
            on_end=self.on_response_complete,
        )
        if is_first:
            self._run(exchange)
        else:
            self.flow.pause_reading()
            self._pipelined.append(exchange)

    def _scope(self) -> Scope:
        target = parse_url(self.url)
        path = target.path.decode("ascii")
        return {
            "type": "http",
            "asgi": {"version": self.asgi_version, "spec_version": "2.3"},
            "http_version": self.parser.get_http_version(),
            "method": self.parser.get_method().decode("ascii"),
            "scheme": self.scheme,
            "server": self.server,
            "client": self.client,
            "root_path": "",
            "path": unquote(path) if "%" in path else path,
            "raw_path": target.path,
            "query_string": target.query or b"",
            "headers": self.headers,
            "state": {},
        }

    def _run(self, exchange: Exchange) -> None:
        self._running = exchange
        exchange.task = task = self.loop.create_task(exchange.run(self._callbacks.app))
        task.add_done_callback(self.tasks.discard)
        self.tasks.add(task)

    def _start_timer(self, *, until: float = math.inf) -> None:
        """Cut it after a silence, or at a time of the loop's clock, if that comes first."""
        self._timer = self.loop.call_at(min(self.loop.time() + self._callbacks.stall_s, until), self._cut)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _cut(self) -> None:
        if self.flow.read_paused:  # it is we who do not read
            self._head_deadline = self.loop.time() + self._callbacks.head_s
            self._start_timer()
        elif self._in_head or not self._begun:
            self._refuse(HeadTooSlow())
        elif self._is_answered:
            self.transport.close()
        elif self._waits_for_body:
            self._break_body(BodyTooSlow())

    def _break_body(self, error: RetuneError) -> None:
        """No more of the body will come: the app learns why, answers, and the connection ends."""
        self.cycle.scope["state"][BROKEN] = error
        self.cycle.keep_alive = False
        self.cycle.message_event.set()

    def _refuse(self, error: RetuneError) -> None:
        """Answer in place of the app, and hang up; while an answer is under way, that is the last."""
        if self.transport.is_closing():
            return
        if self._in_message and (self._turned_away or self._drops_rest):  # it has its answer
            self.transport.close()
        elif self._is_answered:
            self.transport.write(self._callbacks.refusal(error, self.url))
            self.transport.close()
        else:
            self.cycle.keep_alive = False
            self.flow.pause_reading()


def _target_in(line: bytes) -> bytes:
    """What stands where a request line has its target.

    >>> _target_in(b"FOO /v2/models HTTP/1.1\\r\\n"), _target_in(b"\\x16\\x03")
    (b'/v2/models', b'')
    """
    return b"".join(line.split(b"\r\n", 1)[0].split(b" ")[1:2])
