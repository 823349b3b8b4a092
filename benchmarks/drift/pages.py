"""How long the pages of a model take that has much behind it: first byte and size of each, over HTTP.

`python benchmarks/drift/pages.py --package FOLDER --folder /tmp/pages` prints a table. The ledger is that of
`ledger.py`, with 10^6 predictions and 1,000 checks; the model has 50 versions.
"""

from __future__ import annotations

import argparse
import shutil
import socket
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from statistics import median
from urllib.request import urlopen

import ledger

from core.config import Config, ServiceConfig
from core.home import Home
from core.lineage import Lineage
from core.package import read_facts, write_facts, write_manifest
from core.records import Comparison, GateRecord, GateVerdict, TrainingSummary
from service.host.process import running_server

VERSIONS, CHECKS, ASKED = 50, 1_000, 9
PATHS = [
    "",
    "/tickets",
    "/tickets/label",
    "/tickets/versions",
    "/tickets/versions/50",
    "/tickets/checks",
    "/tickets/history",
]
PATHS += ["/tickets/checks/1000", "/-/jobs", "/-/audit", "/-/settings"]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--package", type=Path, required=True, help="A package, which becomes all versions.")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path, required=True, help="For the home; removed afterwards.")
    given = parser.parse_args()
    config = Config(home=given.folder, service=ServiceConfig(port=free_port(), workers=1))
    try:
        fill(config, given.package, given.rows)
        with running_server(config, log=given.folder / "server.log") as url:
            wait(lambda: urlopen(f"{url}/readyz").status == 200)
            show("| Page | first byte, median | slowest | size |\n|---|---|---|---|")
            for path in PATHS:
                times, size = asked(f"{url}/dashboard{path}")
                middle, most = 1000 * median(times), 1000 * max(times)
                show(f"| `/dashboard{path}` | {middle:.0f} ms | {most:.0f} ms | {size / 1000:.0f} KB |")
    finally:
        shutil.rmtree(given.folder, ignore_errors=True)


def asked(url: str) -> tuple[list[float], int]:
    """Seconds to the first byte of each request, the first one included, and the size in bytes."""
    times, size = [], 0
    for _ in range(ASKED):
        begun_s = time.perf_counter()
        with urlopen(url) as answer:
            first = answer.read(1)
            times.append(time.perf_counter() - begun_s)
            size = len(first + answer.read())
    return times, size


def show(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def fill(config: Config, package: Path, rows: int) -> None:
    """The version that the ledger's rows are of is in service."""
    home = Home(config)
    ledger.CHECKS = CHECKS
    home.folder.mkdir(parents=True, exist_ok=True)
    ledger.fill(home, rows, 384)
    for number in range(1, VERSIONS + 1):
        folder = config.home / "package"
        shutil.copytree(package, folder)
        write_facts(folder, replace(read_facts(folder), lineage=Lineage(retune=f"benchmark {number}")))
        (folder / "manifest.json").unlink()
        write_manifest(folder)
        home.registry.add(folder, ledger.MODEL)
        shutil.rmtree(folder)
        gate = GateRecord(number, GateVerdict("hold", "Alike.", Comparison(60, 0.7, 0.72, 5, 4)), TrainingSummary(400))
        home.ledger.record_promotion(
            ledger.MODEL, str(number), previous="1", promoted=False, reason="Alike.", gate=gate
        )
    home.registry.promote(ledger.MODEL, ledger.VERSION)
    home.close()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def wait(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            if is_so():
                return
        except OSError:
            pass
        time.sleep(0.1)
    raise SystemExit("The server is not ready after 60 s.")


if __name__ == "__main__":
    main()
