from __future__ import annotations

import io
import json
import time

from service.telemetry.access_log import QUEUE_SIZE, AccessLog, Entry


def entry(**state: object) -> Entry:
    return Entry(1_700_000_000.5, "POST", "/predict", 200, 0.0123, {"request_id": "a1", **state})


def test_a_line_has_the_known_fields_only() -> None:
    stream = io.BytesIO()
    log = AccessLog(stream=stream)
    log.start()
    log.add(entry(key="shop", model="tickets", version="3", items=2, cut="never"))
    log.close()
    assert json.loads(stream.getvalue()) == {
        "time": "2023-11-14T22:13:20.500+00:00",
        "request_id": "a1",
        "method": "POST",
        "route": "/predict",
        "status": 200,
        "ms": 12.3,
        "key": "shop",
        "model": "tickets",
        "version": "3",
        "items": 2,
    }


def test_lines_beyond_the_queue_size_are_dropped_and_counted() -> None:
    drops: list[int] = []
    log = AccessLog(stream=io.BytesIO(), on_drop=lambda: drops.append(1))
    started = time.monotonic()
    for _ in range(QUEUE_SIZE + 5):
        log.add(entry())
    assert len(drops) == 5
    assert time.monotonic() - started < 5
