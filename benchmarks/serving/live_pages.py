"""What ten open pages of the dashboard cost the clients: answers a second with and without them, in turn.

python benchmarks/serving/live_pages.py [--pages 10] [--rounds 8]

The pages do what `service/pages/static/live.js` does: they follow the events, look at the page again when something
happened, and at most every thirty seconds while only a job's progress moves. A job moves every second.
"""

from __future__ import annotations

import asyncio
import json
import threading
import time
from itertools import cycle
from pathlib import Path
from statistics import median
from typing import Any

import uvloop
from client import Answer, Ask, closed_loop, connect, get, post
from results import record
from setting import MODEL, WORK, Setting, parser, setting_of
from systems import RETUNE, Server, home, served

from core.config import Config
from core.home import Home
from core.processes.owner import this_worker
from core.records import JobStep

CONNECTIONS = 16
PAUSE_S, PROGRESS_S, OPENING_S = 0.4, 30.0, 2.0
PATH = f"/dashboard/{MODEL}"


class Page:
    """One open page. It costs this process next to nothing: it waits for events, and for the time of its next look."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._known: dict[str, Any] = {}
        self._opened_at = self._looked_at = time.monotonic()
        self._next: asyncio.Task[None] | None = None
        self._due_s = float("inf")
        self.looks, self.events, self.bytes = 0, 0, 0

    async def follow(self) -> None:
        """Until it is cancelled."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        writer.write(f"GET {PATH}/events HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        kind = ""
        try:
            while line := await reader.readline():
                text = line.decode()
                if text.startswith("event: "):
                    kind = text[7:].strip()
                elif text.startswith("data: "):
                    self._take(kind, json.loads(text[6:]))
        finally:
            writer.close()
            if self._next is not None:
                self._next.cancel()

    def _take(self, kind: str, facts: dict[str, Any]) -> None:
        self.events += 1
        before = self._known.get(kind)
        self._known[kind] = facts
        now_s = time.monotonic()
        if before is None and now_s - self._opened_at < OPENING_S:
            return
        is_progress = (
            kind == "job"
            and before is not None
            and (before["job"], before["status"]) == (facts["job"], facts["status"])
        )
        wait_s = max(PAUSE_S, PROGRESS_S - (now_s - self._looked_at)) if is_progress else PAUSE_S
        if now_s + wait_s < self._due_s:
            self._due_s = now_s + wait_s
            if self._next is not None:
                self._next.cancel()
            self._next = asyncio.create_task(self._look_in(wait_s))

    async def _look_in(self, wait_s: float) -> None:
        await asyncio.sleep(wait_s)
        self._due_s, self._next = float("inf"), None
        connection = await connect(self._port)
        self.bytes = len((await connection.ask(get(PATH))).body)
        connection.close()
        self._looked_at = time.monotonic()
        self.looks += 1


def main() -> None:
    options = parser("What open pages cost.", seconds=10)
    options.add_argument("--pages", type=int, default=10)
    options.add_argument("--rounds", type=int, default=8)
    given = options.parse_args()
    setting = setting_of(given)
    with served(RETUNE, setting) as server:
        record("live_pages", uvloop.run(compared(server, setting, given.pages, given.rounds)), given.results)


async def compared(server: Server, setting: Setting, pages: int, rounds: int) -> dict[str, Any]:
    """Each round measures both, in an order that changes, so that a machine that slows down slows both alike."""
    asks = cycle([post(RETUNE.path, RETUNE.body(text)) for text in setting.short])
    without, beside = list[float](), list[float]()
    open_pages = list[Page]()
    stopped = threading.Event()
    moving = threading.Thread(target=move_a_job, args=(home(WORK / server.system.name), stopped))
    moving.start()
    try:
        await rate(server, asks, setting.seconds)
        for number in range(rounds):
            for is_open in (number % 2 == 0, number % 2 == 1):
                if is_open:
                    beside.append(await rate_beside(server, asks, setting.seconds, pages, open_pages))
                else:
                    without.append(await rate(server, asks, setting.seconds))
    finally:
        stopped.set()
        moving.join()
    kept = [with_pages / alone for alone, with_pages in zip(without, beside, strict=True)]
    return {
        "pages": pages,
        "without": round(median(without)),
        "beside": round(median(beside)),
        "kept": round(median(kept), 3),
        "kept_rounds": [round(share, 3) for share in kept],
        "looks_a_page": round(sum(page.looks for page in open_pages) / len(open_pages), 1),
        "events_a_page": round(sum(page.events for page in open_pages) / len(open_pages), 1),
        "page_kb": round(max(page.bytes for page in open_pages) / 1000),
    }


async def rate(server: Server, asks: Any, seconds: float) -> float:
    """Answers a second."""
    answered = 0

    def count(_: Ask, answer: Answer) -> None:
        nonlocal answered
        answered += answer.status == 200

    took_s = await closed_loop(server.port, asks, connections=CONNECTIONS, on_answer=count, seconds=seconds)
    return answered / took_s


async def rate_beside(server: Server, asks: Any, seconds: float, pages: int, opened: list[Page]) -> float:
    """Answers a second beside newly opened pages, which `opened` gets."""
    these = [Page(server.port) for _ in range(pages)]
    following = [asyncio.create_task(page.follow()) for page in these]
    per_s = await rate(server, asks, seconds)
    for task in following:
        task.cancel()
    await asyncio.gather(*following, return_exceptions=True)
    opened += these
    return per_s


def move_a_job(folder: Path, stopped: threading.Event) -> None:
    """A retrain that moves every second, in a process that trains nothing."""
    jobs = Home(Config(home=folder)).jobs
    jobs.enqueue(MODEL, "retrain")
    job = jobs.take(this_worker())
    assert job is not None
    step = 0
    while not stopped.wait(1.0):
        step += 1
        jobs.renew(job, step=JobStep("finetune", step / 1000, 60.0))


if __name__ == "__main__":
    main()
