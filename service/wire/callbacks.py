"""What a connection needs of the app that it serves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from starlette.types import ASGIApp

from core.errors import RetuneError
from service.wire.heads import Head, KnownHeads


@dataclass(frozen=True)
class Callbacks:
    """`app` answers requests. `refusal` makes the answer to a head that is malformed, too large or too slow, from as
    much of its target as has come. `early_refusal` makes the one to a request at overload, which lasts for
    `full_for_s` seconds, or None. Both are whole responses. `head_s` bounds the time of a head, `stall_s` a silence.
    """

    app: ASGIApp
    refusal: Callable[[RetuneError, bytes], bytes]
    full_for_s: Callable[[], int | None]
    early_refusal: Callable[[Head, int], bytes | None]
    head_s: float
    stall_s: float
    refused: KnownHeads = field(default_factory=KnownHeads)
