"""The loop by itself: `retune deploy` and `retune up`, then nothing but HTTP, as clients and people who label use it.

    python benchmarks/loop/unattended.py banking77_new_intents --mode auto [--data ../shared/data] [--split-seed 3]
    python benchmarks/loop/unattended.py tickets --mode ask        # examples/tickets

Clients send rows as before the change and then those after it, one after the other; someone answers the open requests
for labels. With `ask` the one click is a POST of whoever sees the open proposal. After the promotion its guard is
waited for. Then a version that was trained on shuffled labels is promoted by force, clients give labels for what it
answers, and it is rolled back. A line of JSON is printed; seconds count from the first row after the change, those of
the roll back from the first label that a client gave for an answer of the bad version.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))
sys.path.insert(0, str(Path(__file__).parents[1] / "serving"))

from killed import is_ready, say
from processes import free_port

from cli.demo.client import Client, in_batches
from core.assigned import cells
from core.datasets import Example, read_examples
from core.engine import Engine
from core.errors import RequestFailed
from core.share import percent

ROOT = Path(__file__).parents[2]
MODEL = "m"
WINDOW_ROWS, BATCH = 800, 8
LIMIT_S, PAUSE_S = 1800.0, 1.0
CONFIG = """
[drift]
interval_s = {interval_s}
[policy]
mode = "{mode}"
cooldown = "1m"
[guard]
labels = {guard_labels}
"""
GUARD_LABELS = 60


@dataclass
class Traffic:
    """Sends rows in turn, and keeps the truth of every answer. `is_labelling`: clients give labels of their own."""

    client: Client
    truth: dict[str, str] = field(default_factory=dict)
    failed: int = 0
    versions: dict[str, int] = field(default_factory=dict)
    first_labelled_s: float | None = None

    def send(self, rows: Sequence[Example], *, labels_of: str | None = None) -> None:
        """`labels_of`: the version whose answers get a label at once."""
        try:
            answer = self.client.predict([row.text for row in rows], MODEL)
        except RequestFailed:
            self.failed += 1
            return
        version = answer["version"]
        self.versions[version] = self.versions.get(version, 0) + len(rows)
        given = []
        for row, found in zip(rows, answer["predictions"], strict=True):
            self.truth[found["id"]] = str(row.label)
            given.append({"prediction_id": found["id"], "label": row.label, "source": "client"})
        if labels_of == version:
            self.client.post("/feedback", {"feedback": given})
            self.first_labelled_s = self.first_labelled_s or time.monotonic()


@dataclass
class Person:
    """Answers open requests, and clicks on a proposal if `clicks`."""

    client: Client
    traffic: Traffic
    clicks: bool
    answered: int = 0
    clicked: int = 0
    _stop: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        while not self._stop.wait(PAUSE_S):
            try:
                self._look()
            except RequestFailed as error:
                say(f"# {error}")

    def stop(self) -> None:
        self._stop.set()

    def _look(self) -> None:
        asked = self.client.get(f"/admin/models/{MODEL}/labels?limit=200")["requests"]
        known = [one for one in asked if one["prediction_id"] in self.traffic.truth]
        given = [{"prediction_id": key, "label": self.traffic.truth[key], "source": "desk"} for key in _ids(known)]
        if given:
            self.client.post(f"/admin/models/{MODEL}/labels", {"feedback": given})
            self.answered += len(given)
        if self.clicks and (proposal := self.client.get(f"/admin/models/{MODEL}/loop?limit=1")["proposal"]):
            self.client.post(f"/admin/models/{MODEL}/accept", {"proposal": proposal["id"]})
            self.clicked += 1


def _ids(requests: Sequence[dict[str, Any]]) -> list[str]:
    return [one["prediction_id"] for one in requests]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("recipe", help="A recipe of make_split.py, or tickets.")
    parser.add_argument("--mode", choices=["advise", "ask", "auto"], default="auto")
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--method", default="features")
    parser.add_argument("--reference", action="store_true", help="Half of the rows before the change are a reference.")
    parser.add_argument("--split-seed", type=int, default=3)
    parser.add_argument("--interval-s", type=float, default=10.0, help="Seconds between two checks.")
    parser.add_argument("--rate", type=float, default=16.0, help="Rows a second.")
    parser.add_argument("--quiet-s", type=float, default=120.0, help="With advise: how long nothing is to happen.")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        say(json.dumps(unattended(Path(folder), given)))


def unattended(folder: Path, given: argparse.Namespace) -> dict[str, Any]:
    train, before, window, later = _rows(folder, given)
    config = CONFIG.format(interval_s=given.interval_s, mode=given.mode, guard_labels=GUARD_LABELS)
    (folder / "retune.toml").write_text(config, encoding="utf-8")
    write_examples(folder / "train.csv", train)
    facts: dict[str, Any] = {"recipe": given.recipe, "mode": given.mode, "split_seed": given.split_seed}
    begun_s = time.monotonic()
    options = [
        "--method",
        given.method,
        "--rung",
        "fp32",
        *(["--reference", "reference.csv"] if given.reference else []),
    ]
    write_examples(folder / "reference.csv", before[:400])
    run(folder, "deploy", "train.csv", "--model", MODEL, *options)
    facts["deployed_s"] = round(time.monotonic() - begun_s)
    first = folder / "home" / "registry" / MODEL / "versions"
    with running(folder) as port:
        client = Client(f"http://127.0.0.1:{port}")
        traffic = Traffic(Client(f"http://127.0.0.1:{port}"))
        person = Person(Client(f"http://127.0.0.1:{port}"), traffic, clicks=given.mode == "ask")
        thread = threading.Thread(target=person.run, daemon=True)
        thread.start()
        pace = BATCH / given.rate
        for rows in in_batches(before[400:800] if given.reference else before[:400], BATCH):
            traffic.send(rows)
            time.sleep(pace)
        drifted_s = time.monotonic()
        endless = _endless(window, seed=1)

        def until(is_so: Callable[[], Any], *, limit_s: float = LIMIT_S, labels_of: str | None = None) -> Any:
            deadline = time.monotonic() + limit_s
            while not (found := tried(is_so)):
                if time.monotonic() > deadline:
                    return None
                traffic.send(next(endless), labels_of=labels_of)
                time.sleep(pace)
            return found

        def since(start_s: float) -> int:
            return round(time.monotonic() - start_s)

        if given.mode == "advise":
            until(lambda: False, limit_s=given.quiet_s)
            facts |= {"jobs": len(client.get("/admin/jobs")["jobs"]), "labels": person.answered}
            return facts
        until(lambda: any(one["verdict"]["verdict"] == "drift" for one in checks(client)))
        facts["drift_s"] = since(drifted_s)
        promoted = until(lambda: next((one for one in promotions(client) if one["promoted"] and one["gate"]), None))
        facts |= {"promoted_s": since(drifted_s), "labels": person.answered, "clicks": person.clicked}
        if promoted is None:
            return {**facts, "promoted": False, "decisions": client.get(f"/admin/models/{MODEL}/decisions")}
        version = promoted["version"]
        facts |= {"promoted": True, "before": _accuracy(first / "1", later), "after": _accuracy(first / version, later)}
        guard = until(lambda: guard_of(folder, version), labels_of=version)
        facts |= {"guard": guard, "guard_s": since(drifted_s)}
        facts["bad"] = _bad_version(folder, train, traffic, until, client)
        person.stop()
    return {**facts, "failed_requests": traffic.failed}


def _bad_version(
    folder: Path, train: Sequence[Example], traffic: Traffic, until: Callable[..., Any], client: Client
) -> dict[str, Any]:
    good = str(client.get(f"/admin/models/{MODEL}")["champion"]["version"])
    labels = [row.label for row in train]
    random.Random(0).shuffle(labels)
    shuffled = [Example(row.text, label) for row, label in zip(train, labels, strict=True)]
    write_examples(folder / "shuffled.csv", shuffled[:1_000])
    run(folder, "finetune", "--data", "shuffled.csv", "--method", "features", "--out", "shuffled")
    run(folder, "export", "shuffled", "--rung", "fp32", "--out", "bad")
    version = str(run(folder, "register", "bad", "--model", MODEL)["version"])
    run(folder, "promote", f"{MODEL}@{version}", "--force")
    traffic.first_labelled_s, before = None, len(traffic.truth)
    back = until(
        lambda: client.get(f"/admin/models/{MODEL}")["champion"]["version"] == good, limit_s=600, labels_of=version
    )
    begun_s = traffic.first_labelled_s
    return {
        "rolled_back": bool(back),
        "labels": traffic.versions.get(version, 0),
        "seconds": None if begun_s is None else round(time.monotonic() - begun_s, 1),
        "answers_of_it": len(traffic.truth) - before,
        "incidents": [f"{one['cause']}: {one['reason']}" for one in run(folder, "incidents", MODEL)["incidents"]],
    }


def tried(is_so: Callable[[], Any]) -> Any:
    try:
        return is_so()
    except RequestFailed:  # the server starts again
        return None


def checks(client: Client) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.get(f"/admin/models/{MODEL}/checks?limit=5")["checks"]
    return found


def promotions(client: Client) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.get(f"/admin/models/{MODEL}/promotions?limit=5")["promotions"]
    return found


def guard_of(folder: Path, version: str) -> str | None:
    """How the guard of a version ended; None while it is open."""
    guard = run(folder, "incidents", MODEL)["guard"]
    return guard["outcome"] if guard and guard["version"] == version else None


def _rows(folder: Path, given: argparse.Namespace) -> tuple[list[Example], list[Example], list[Example], list[Example]]:
    """To train on, traffic before the change and after it, and rows that are only scored."""
    if given.recipe == "tickets":
        parts = ROOT / "examples" / "tickets"
    else:
        parts = folder / "split"
        command = [sys.executable, str(given.data / "make_split.py"), given.recipe, str(parts)]
        subprocess.run([*command, "--seed", str(given.split_seed)], check=True, stdout=subprocess.DEVNULL)
    train, before, fresh = (read_examples(parts / f"{name}.csv") for name in ("train", "reference", "fresh"))
    # A file in the order of its labels would be a change by itself.
    before, fresh = (random.Random(given.split_seed).sample(rows, len(rows)) for rows in (before, fresh))
    size = min(WINDOW_ROWS, len(fresh) // 2)
    return train, before, fresh[:size], fresh[size:]


def write_examples(path: Path, rows: Sequence[Example]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "label"])
        writer.writerows([row.text, row.label] for row in rows)


def _endless(rows: Sequence[Example], *, seed: int) -> Iterator[Sequence[Example]]:
    """The rows again and again, in another order each time."""
    order = random.Random(seed)
    while True:
        yield from in_batches(order.sample(list(rows), len(rows)), BATCH)


def _accuracy(package: Path, rows: Sequence[Example]) -> str:
    engine = Engine(package)
    given = cells(engine.answer([row.input for row in rows]).predicted, engine.labels)
    return percent(sum(cell == row.label for cell, row in zip(given, rows, strict=True)) / len(rows))


@contextmanager
def running(folder: Path) -> Iterator[int]:
    port = free_port()
    process = subprocess.Popen(
        _retune(folder, "up", "--port", str(port)), cwd=folder, env=_environment(), stdout=subprocess.DEVNULL
    )
    try:
        deadline = time.monotonic() + 180
        while not is_ready(port):
            if process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit((folder / "home" / "up.log").read_text(encoding="utf-8")[-2000:])
            time.sleep(0.2)
        yield port
    finally:
        process.terminate()
        process.wait(120)


def run(folder: Path, *words: str) -> dict[str, Any]:
    done = subprocess.run(
        _retune(folder, *words, "--json"), cwd=folder, env=_environment(), check=False, capture_output=True, text=True
    )
    if done.returncode:
        raise SystemExit(f"retune {' '.join(words)} exits {done.returncode}: {done.stdout[-500:]} {done.stderr[-500:]}")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _retune(folder: Path, *words: str) -> list[str]:
    return [sys.executable, "-m", "cli", "--home", str(folder / "home"), *words]


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT)}


if __name__ == "__main__":
    main()
