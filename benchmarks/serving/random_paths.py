"""Ten thousand paths that nobody serves: how many lines they add to /metrics.

python benchmarks/serving/random_paths.py [--paths 10000]
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import islice
from random import Random
from typing import Any

import uvloop
from client import Answer, Ask, asked, closed_loop, get
from results import record
from setting import parser, setting_of
from systems import RETUNE, Server, served

CONNECTIONS = 16
FIRST = 100
"""Paths after which every series of the one route of unknown paths is there."""


def main() -> None:
    options = parser("Lines that random paths add to /metrics.", seconds=0)
    options.add_argument("--paths", type=int, default=10_000)
    given = options.parse_args()
    with served(RETUNE, setting_of(given)) as server:
        record("random_paths", added(server, given.paths), given.results)


def added(server: Server, count: int) -> dict[str, Any]:
    statuses, before = Counter[str](), lines(server)

    def keep(_: Ask, answer: Answer) -> None:
        statuses[str(answer.status)] += 1

    def grown(paths: Iterator[Ask]) -> int:
        uvloop.run(closed_loop(server.port, paths, connections=CONNECTIONS, on_answer=keep))
        return lines(server)

    paths = unknown_paths(count)
    first, last = grown(islice(paths, FIRST)), grown(paths)
    return {
        "paths": count,
        "statuses": dict(statuses),
        "lines_before": before,
        "lines_added_by_first": first - before,
        "lines_added_by_rest": last - first,
    }


def unknown_paths(count: int) -> Iterator[Ask]:
    random = Random(0)
    return (get(f"/{random.randbytes(4).hex()}/{random.randbytes(4).hex()}") for _ in range(count))


def lines(server: Server) -> int:
    return len(asked(server.port, "GET", "/metrics").body.splitlines())


if __name__ == "__main__":
    main()
