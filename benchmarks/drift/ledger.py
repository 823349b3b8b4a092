"""What a round, an export of labels and the page's data cost by the size of the ledger: processor seconds a call.

`python benchmarks/drift/ledger.py --rows 100000 1000000 --folder /tmp/ledger` writes `ledger.jsonl` beside this file.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from core.clock import earliest_id
from core.config import Config
from core.home import Home
from core.ledger import Ledger

HERE = Path(__file__).parent
MODEL, VERSION, LABELS = "tickets", "3", 12
CHECKS, MOST_LABELS, LABEL_EACH = 10_000, 10_000, 100
INSERTED_AT_ONCE = 50_000


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--dimensions", type=int, default=384, help="Values of each embedding.")
    parser.add_argument("--folder", type=Path, required=True, help="For the ledgers; removed afterwards.")
    parser.add_argument("--out", type=Path, default=HERE / "ledger.jsonl")
    given = parser.parse_args()
    for rows in given.rows:
        home = Home(Config(home=given.folder / str(rows)))
        try:
            begun_s = time.process_time()
            fill(home, rows, given.dimensions)
            size_mb = round((home.folder / "ledger.db").stat().st_size / 1e6)
            facts: dict[str, Any] = {"rows": rows, "dimensions": given.dimensions, "size_mb": size_mb}
            facts["filled_s"] = round(time.process_time() - begun_s, 1)
            facts |= {name: measured(call, home) for name, call in CALLS.items()}
        finally:
            home.close()
            shutil.rmtree(home.folder, ignore_errors=True)
        with given.out.open("a", encoding="utf-8") as out:
            out.write(json.dumps(facts) + "\n")


def fill(home: Home, rows: int, dimensions: int) -> None:
    """One model whose predictions came one a second; every hundredth has a label, `MOST_LABELS` at most."""
    with home.ledger.database.write():
        pass
    home.ledger.database.close()
    connection = sqlite3.connect(home.folder / "ledger.db")
    connection.execute("PRAGMA synchronous=OFF")
    begun_s = time.time() - rows
    for start in range(0, rows, INSERTED_AT_ONCE):
        block = range(start, min(rows, start + INSERTED_AT_ONCE))
        connection.executemany(INSERT_PREDICTION, predictions(block, begun_s, 2 * dimensions))
        connection.executemany(INSERT_FEEDBACK, feedback(block, rows, begun_s))
        connection.commit()
    connection.executemany(INSERT_CHECK, checks(rows))
    connection.commit()
    connection.close()


INSERT_PREDICTION = (
    "INSERT INTO predictions (id, model, version, created_at, text, label, score, tokens, truncated, embedding, key) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
INSERT_FEEDBACK = "INSERT INTO feedback (prediction_id, label, source, created_at) VALUES (?, ?, ?, ?)"
INSERT_CHECK = (
    "INSERT INTO checks (model, version, created_at, source, verdict, window_end, last_number) "
    "VALUES (?, ?, ?, 'traffic', ?, ?, ?)"
)


def id_of(row: int, begun_s: float) -> str:
    return f"{earliest_id(begun_s + row)}{row:016x}"


def moment(row: int) -> str:
    return f"2026-{1 + row // 2_500_000 % 12:02d}-01T00:00:00.{row % 1_000_000:06d}+00:00"


def predictions(block: range, begun_s: float, size: int) -> Iterator[tuple[Any, ...]]:
    vector = os.urandom(size)
    for row in block:
        text = f"text number {row} of somebody who asks about an order"
        yield id_of(row, begun_s), MODEL, VERSION, moment(row), text, f"l{row % LABELS}", 0.9, 12, False, vector, None


def feedback(block: range, rows: int, begun_s: float) -> Iterator[tuple[str, str, str, str]]:
    every = max(LABEL_EACH, rows // MOST_LABELS)
    for row in block:
        if row % every == 0:
            yield id_of(row, begun_s), f"l{row % LABELS}", f"person {row % 3}", moment(row)


def checks(rows: int) -> Iterator[tuple[Any, ...]]:
    """As many as a month has, of some 4 KB each, `drift` for the last half of it."""
    for check in range(CHECKS):
        outcome = "ok" if check < CHECKS // 2 else "drift"
        evidence = [{"feature": f"feature {number}", "detail": "x" * 600} for number in range(6)]
        verdict = {"verdict": outcome, "p_value": 0.5, "rows": 300, "evidence": evidence}
        yield MODEL, VERSION, moment(check), json.dumps(verdict), "x", rows * (check + 1) // CHECKS - 200


def measured(call: Callable[[Ledger], Any], home: Home) -> float:
    """Processor seconds of the fastest of three calls, in milliseconds."""
    taken = []
    for _ in range(3):
        begun_s = time.process_time()
        call(Ledger(home.ledger.database))  # a new one: it keeps the labels that it read
        taken.append(time.process_time() - begun_s)
    return round(1000 * min(taken), 1)


def round_of(ledger: Ledger) -> None:
    """What a round reads: the window of the check, and the situation that the decision is about."""
    ledger.arrivals.has_more(MODEL, VERSION, after=ledger.last_checked(MODEL, VERSION), count=2001)
    ledger.last_conclusive_check(MODEL, VERSION)
    ledger.window(MODEL, VERSION, limit=2000, after=ledger.last_checked(MODEL, VERSION))
    last_ok = ledger.last_conclusive_check(MODEL, VERSION, verdict="ok")
    ledger.window(MODEL, VERSION, limit=2000, after=(last_ok and last_ok.last_number) or 0)
    ledger.window(MODEL, VERSION, limit=2000, after=ledger.promoted_after(MODEL, VERSION))
    ledger.labelled(MODEL)
    ledger.sources_set_aside(MODEL)
    ledger.untold.keys(MODEL)
    ledger.draws.rows(MODEL, VERSION)
    ledger.label_requests(MODEL)
    ledger.label_progress(MODEL, VERSION)


def page_of(ledger: Ledger) -> None:
    """What a model's page reads (`service/pages/views.py`)."""
    ledger.label_progress(MODEL, VERSION)
    ledger.traffic_checks(MODEL, limit=40)
    ledger.file_checks(MODEL, limit=5)
    ledger.decisions(MODEL, limit=1)
    ledger.count_predictions(MODEL, VERSION, most=100_001)
    ledger.promotions(MODEL, limit=8)


CALLS: dict[str, Callable[[Ledger], Any]] = {
    "round": round_of,
    "window": lambda ledger: ledger.window(MODEL, VERSION, limit=2000),
    "last_ok": lambda ledger: ledger.last_conclusive_check(MODEL, VERSION, verdict="ok"),
    "labels": lambda ledger: ledger.labelled(MODEL),
    "set_aside": lambda ledger: ledger.sources_set_aside(MODEL),
    "page": page_of,
    "count": lambda ledger: ledger.count_predictions(MODEL, VERSION, most=100_001),
    "last_week": lambda ledger: ledger.arrivals.at(time.time() - 7 * 86_400),
}

if __name__ == "__main__":
    main()
