"""How many connections a worker accepts at once, and when it leaves them to another worker.

All workers listen on one socket. uvloop's own listener accepts all waiting connections, so the worker that wakes first
gets most of a burst and, if the clients keep their connections open, most of the later requests.
"""

from __future__ import annotations

import asyncio

from service.wire.balancing import Balancer

# How long a worker with more connections than another one backs off, and how often in a row.
BACK_OFF_S, BACK_OFFS = 0.001, 5
# After BACK_OFFS times it accepts all connections for this time: the other worker may be busy or dead.
ACCEPT_ALL_S = 0.5
# A lead over the other worker of up to this share is ignored.
SLACK = 1 / 16
# A long iteration of the event loop handles many requests. If each accepted one connection, new ones would wait 0.2 s.
# So up to AT_ONCE are accepted, with a lead of up to LEAD; no lead over a worker that has fewer than FEW connections.
LONG_TURN_S, LONGEST_TURN_S = 0.002, 0.1
AT_ONCE, LEAD, FEW = 64, 2, 8


class AcceptPolicy:
    """Decides how many waiting connections a worker accepts at once, and when it leaves them to another worker."""

    def __init__(self, balancer: Balancer) -> None:
        self._balancer = balancer
        self._loop = asyncio.get_running_loop()
        self._asked_s = 0.0
        self._backed_off = 0
        self._accept_all_until_s = 0.0

    def burst(self) -> tuple[int, int]:
        """The number of connections to accept in this iteration of the event loop, and the allowed lead over another
        worker. Both are higher after a long iteration. A longer gap between calls means that no connection waited.
        """
        before_s, self._asked_s = self._asked_s, self._loop.time()
        has_long_turns = BACK_OFF_S + LONG_TURN_S < self._asked_s - before_s < LONGEST_TURN_S
        return (AT_ONCE, LEAD) if has_long_turns else (1, 0)

    def backs_off(self, lead: int = 0) -> bool:
        """Whether to leave the next connection to a worker with fewer connections in use."""
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
