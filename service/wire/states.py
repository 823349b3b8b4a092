"""The states of a connection, and what each event does in each of them."""

from __future__ import annotations

from enum import IntEnum, auto
from typing import Literal


class State(IntEnum):
    NEW = auto()  # no request has come yet
    HEAD = auto()  # a head is coming in; earlier requests are answered
    NEXT_HEAD = auto()  # a head is coming in; earlier requests wait for their answers
    BODY = auto()  # a body is coming in; its request waits for its answer
    ANSWERING = auto()  # all requests have come in whole; some wait for their answers
    REST = auto()  # the rest of an answered request is coming in, and is dropped
    IDLE = auto()  # all requests have come in whole and are answered
    FINISHING = auto()  # no more is read; the last answer closes the connection
    CLOSING = auto()


# data: bytes have come. end: the client sends no more. lost: the connection is closed.
TransportEvent = Literal["data", "end", "lost"]
# begin: the first byte of a request. part: of its body. complete: its end. upgrade: it has offered another protocol.
ParserEvent = Literal["begin", "part", "complete", "upgrade"]
# A head is complete. accept: to the app. shed: refused at overload.
HeadEvent = Literal["accept", "shed"]
# An answer has ended. next: another request waits. answered: none waits. hang_up: none can follow.
ExchangeEvent = Literal["next", "answered", "hang_up"]
# fail: malformed, too large or too slow. shutdown: the server ends, or the connection was idle for too long.
Event = Literal[TransportEvent, ParserEvent, HeadEvent, ExchangeEvent, "fail", "shutdown"]

NEW, HEAD, NEXT_HEAD, BODY, ANSWERING, REST, IDLE, FINISHING, CLOSING = State
READING = (NEW, HEAD, NEXT_HEAD, BODY, ANSWERING, REST, IDLE)
WAITING = (NEXT_HEAD, BODY, ANSWERING)

# Events, the states that they can find, the next state (None: the same), and a method of `Connection`.
ROWS: tuple[tuple[tuple[Event, ...], tuple[State, ...], State | None, str], ...] = (
    (("data",), READING, None, "_read"),
    (("begin",), (NEW, IDLE), HEAD, "_begin"),
    (("begin",), (ANSWERING,), NEXT_HEAD, "_begin"),
    (("begin",), (CLOSING,), None, "_stop_parser"),
    (("accept",), (HEAD, NEXT_HEAD), BODY, "_accept"),
    (("shed",), (HEAD,), REST, "_shed"),
    (("part",), (BODY,), None, "_take_part"),
    (("part",), (REST,), None, "_ignore"),
    (("complete",), (BODY,), ANSWERING, "_end_body"),
    (("complete",), (REST,), IDLE, "_end_rest"),
    (("upgrade",), (ANSWERING,), BODY, "_decline_upgrade"),
    (("fail", "end"), (HEAD,), CLOSING, "_refuse"),
    (("fail",), (NEW, IDLE), CLOSING, "_refuse"),
    (("fail", "end"), (BODY,), FINISHING, "_break_body"),
    (("fail",), (NEXT_HEAD, ANSWERING), FINISHING, "_stop_reading"),
    (("fail",), (REST,), CLOSING, "_close"),
    (("end",), (NEW, NEXT_HEAD, ANSWERING, REST, IDLE), CLOSING, "_close"),
    (("next",), (*WAITING, FINISHING), None, "_answer_next"),
    (("answered",), (NEXT_HEAD,), HEAD, "_ignore"),
    (("answered",), (BODY,), REST, "_drop_rest"),
    (("answered",), (ANSWERING,), IDLE, "_become_idle"),
    (("hang_up",), (*WAITING, IDLE, FINISHING), CLOSING, "_close"),
    (("shutdown",), (NEW, HEAD, REST, IDLE), CLOSING, "_close"),
    (("shutdown",), WAITING, None, "_let_last_close"),
    (("data", "fail", "end", "shutdown"), (FINISHING, CLOSING), None, "_ignore"),
    (("next", "answered", "hang_up"), (CLOSING,), None, "_ignore"),
    (("lost",), tuple(State), CLOSING, "_lose"),
)
TABLE: dict[State, dict[Event, tuple[State, str]]] = {state: {} for state in State}
for events, states, following, action in ROWS:
    for state in states:
        TABLE[state] |= {event: (following or state, action) for event in events}
