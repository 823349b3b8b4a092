"""How many connections a worker accepts at once, and when it leaves them to a neighbour.

All workers listen on one socket. uvloop's own listener takes all that wait there, so the worker that wakes first gets
most of a burst, and with clients that keep their connections most of the work from then on.
"""

from __future__ import annotations

import asyncio

from service.wire.balancing import Balancer

# How long a worker with more connections than another backs off, and how often in a row.
BACK_OFF_S, BACK_OFFS = 0.001, 5
# After as many, it accepts everything for a while: the neighbour may be busy, or gone.
ACCEPT_ALL_S = 0.5
# A lead over the neighbour up to this share does not matter.
SLACK = 1 / 16
# A turn of the loop that takes so long has many requests. With one connection a turn, new ones would wait for a fifth
# of a second. So up to AT_ONCE are accepted, up to LEAD more than the neighbour has, or none if it has fewer than FEW.
LONG_TURN_S, LONGEST_TURN_S = 0.002, 0.1
AT_ONCE, LEAD, FEW = 64, 2, 8


class AcceptPolicy:
    """To be asked each time that connections wait."""

    def __init__(self, balancer: Balancer) -> None:
        self._balancer = balancer
        self._loop = asyncio.get_running_loop()
        self._asked_s = 0.0
        self._backed_off = 0
        self._accept_all_until_s = 0.0

    def burst(self) -> tuple[int, int]:
        """How many connections to accept in this turn of the loop, and the lead that they may give to this worker:
        several if the loop took long to come back here, and has just done so.
        """
        before_s, self._asked_s = self._asked_s, self._loop.time()
        has_long_turns = BACK_OFF_S + LONG_TURN_S < self._asked_s - before_s < LONGEST_TURN_S
        return (AT_ONCE, LEAD) if has_long_turns else (1, 0)

    def backs_off(self, lead: int = 0) -> bool:
        """Whether to leave the next connection to a worker that has fewer in use."""
        fewest, now = self._balancer.counts.fewest_elsewhere(), self._loop.time()
        has_more = fewest is not None and self._balancer.count > fewest * (1 + SLACK) + min(lead, fewest // FEW)
        if not has_more or now < self._accept_all_until_s:
            self._backed_off = 0
            return False
        self._backed_off += 1
        if self._backed_off <= BACK_OFFS:
            return True
        self._accept_all_until_s = now + ACCEPT_ALL_S
        return False
