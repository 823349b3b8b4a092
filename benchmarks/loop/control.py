"""A hundred checks of traffic in which nothing changes, over HTTP: what the loop in mode `auto` begins.

    python benchmarks/loop/control.py banking77 [--data ../shared/data] [--checks 100] [--seed 0]

A model of rows drawn at random is deployed by `retune deploy` and run by `retune up`; clients send the other rows of
the set, each text once, in a random order, so many that each check has a window of its own; someone answers whatever
labels are asked for. A line of JSON is printed.
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

from killed import say
from unattended import CONFIG, MODEL, Person, Traffic, run, running, write_examples

from cli.demo.client import Client, in_batches
from core.datasets import Example, read_examples

ROOT = Path(__file__).parents[2]
TRAINED, PART, BATCH = 2_000, 100, 10
"""Rows to train on, rows between two checks, and rows of a request."""
LIMIT_S = 120.0


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("name", help="A folder of the data with train.csv and test.csv.")
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--checks", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        say(json.dumps({"set": given.name, "seed": given.seed, **watched(Path(folder), given)}))


def watched(folder: Path, given: argparse.Namespace) -> dict[str, Any]:
    train, traffic_rows = rows_of(given.data / given.name, given.seed)
    (folder / "retune.toml").write_text(CONFIG.format(interval_s=1, mode="auto", guard_labels=60), encoding="utf-8")
    write_examples(folder / "train.csv", train)
    run(folder, "deploy", "train.csv", "--model", MODEL, "--method", "features", "--rung", "fp32")
    with running(folder) as port:
        client, traffic = Client(f"http://127.0.0.1:{port}"), Traffic(Client(f"http://127.0.0.1:{port}"))
        person = Person(Client(f"http://127.0.0.1:{port}"), traffic, clicks=False)
        threading.Thread(target=person.run, daemon=True).start()
        for part in in_batches(traffic_rows[: given.checks * PART], PART):
            before = last_check(client)
            for rows in in_batches(part, BATCH):
                traffic.send(rows)
            deadline = time.monotonic() + LIMIT_S
            while last_check(client) == before and time.monotonic() < deadline:
                time.sleep(0.3)
        person.stop()
        checks = client.get(f"/admin/models/{MODEL}/checks?limit=200")["checks"]
        decisions = client.get(f"/admin/models/{MODEL}/decisions?limit=200")["decisions"]
        return {
            "checks": dict(Counter(one["verdict"]["verdict"] for one in checks)),
            "decisions": dict(Counter(one["decision"]["action"] for one in decisions)),
            "jobs": len(client.get("/admin/jobs")["jobs"]),
            "labels": person.answered,
            "rows": len(traffic.truth),
            "failed_requests": traffic.failed,
        }


def last_check(client: Client) -> int:
    """Of conclusive ones; 0 before the first."""
    found = client.get(f"/admin/models/{MODEL}/checks?limit=5")["checks"]
    return next((int(one["id"]) for one in found if one["verdict"]["verdict"] != "insufficient_data"), 0)


def rows_of(folder: Path, seed: int) -> tuple[list[Example], list[Example]]:
    """Those to train on, and those of the traffic; each text once."""
    texts = {row.text: row for name in ("train.csv", "test.csv") for row in read_examples(folder / name)}
    rows = random.Random(seed).sample(list(texts.values()), len(texts))
    return rows[:TRAINED], rows[TRAINED:]


if __name__ == "__main__":
    main()
