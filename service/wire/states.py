"""The states of a connection, and what each event does in each of them."""

from __future__ import annotations

from enum import IntEnum, auto
from typing import Literal


class State(IntEnum):
    NEW = auto()  # no request has been received
    HEAD = auto()  # request headers are arriving; all earlier requests are answered
    NEXT_HEAD = auto()  # request headers are arriving; earlier requests are unanswered
    BODY = auto()  # a body is arriving; its request is unanswered
    ANSWERING = auto()  # all requests are complete; at least one is unanswered
    REST = auto()  # the rest of an answered request is arriving and is dropped
    IDLE = auto()  # all requests are complete and answered
    FINISHING = auto()  # nothing more is read; the connection closes after the last response
    CLOSING = auto()


# data: bytes were received. end: the client sends no more. lost: the connection is closed.
TransportEvent = Literal["data", "end", "lost"]
# begin: first byte of a request. part: part of its body. complete: its last byte. upgrade: it offers another protocol.
ParserEvent = Literal["begin", "part", "complete", "upgrade"]
# The request headers are complete. accept: the app gets the request. shed: the request is refused at overload.
HeadEvent = Literal["accept", "shed"]
# A response has ended. next: another request waits. answered: no request waits. hang_up: no other response can follow.
ExchangeEvent = Literal["next", "answered", "hang_up"]
# fail: the request is malformed, too large or too slow. shutdown: the server stops, or the connection idled too long.
Event = Literal[TransportEvent, ParserEvent, HeadEvent, ExchangeEvent, "fail", "shutdown"]

NEW, HEAD, NEXT_HEAD, BODY, ANSWERING, REST, IDLE, FINISHING, CLOSING = State
READING = (NEW, HEAD, NEXT_HEAD, BODY, ANSWERING, REST, IDLE)
WAITING = (NEXT_HEAD, BODY, ANSWERING)

# Events, the states in which they can occur, the next state (None: unchanged), and a method of `Connection`.
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
