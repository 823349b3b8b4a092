"""The guard in the real processes: a bad champion that was promoted by force is rolled back by a running monitor."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from core.config import Config, LedgerConfig, ServiceConfig
from core.home import Home
from core.ledger_tables.guards import Guards
from core.ledger_tables.incidents import Incidents
from core.package import read_facts, write_facts, write_manifest
from core.records import GateRecord, GateVerdict
from service.host.process import running_server
from tests.service.conftest import free_port
from tests.tiny import tiny_rows

pytestmark = pytest.mark.slow
ROWS = tiny_rows(60, seed=8)
MODEL = "tickets"


@pytest.fixture
def home(tmp_path: Path, tiny_package: Path) -> Iterator[Home]:
    """Version 1 in service, and version 2 whose label names are rotated, which the gate rejected."""
    port = free_port()
    config = Config(
        home=tmp_path / "home",
        service=ServiceConfig(port=port, workers=1, champion_poll_s=0.05, drain_s=0.1),
        ledger=LedgerConfig(flush_s=0.2),
    )
    opened = Home(config)
    opened.registry.promote(MODEL, opened.registry.add(tiny_package, MODEL))
    bad = shutil.copytree(tiny_package, tmp_path / "bad")
    facts = read_facts(bad)
    write_facts(bad, replace(facts, labels=[*facts.labels[1:], facts.labels[0]], golden=[]))
    write_manifest(bad)
    gate = GateRecord(1, GateVerdict("reject", "Worse."))
    version = opened.registry.add(bad, MODEL)
    opened.ledger.record_promotion(MODEL, version, previous="1", promoted=False, reason="Worse.", gate=gate)
    yield opened
    opened.close()


def retune(home: Home, *words: str) -> list[str]:
    return [sys.executable, "-m", "cli", "--home", str(home.folder), *words]


@contextmanager
def running_monitor(home: Home) -> Iterator[None]:
    environment = {**os.environ, "RETUNE_DRIFT__INTERVAL_S": "300", "RETUNE_GUARD__POLL_S": "1"}
    log = (home.folder / "monitor.log").open("w")
    with log, subprocess.Popen(retune(home, "monitor"), env=environment, stdout=log, stderr=log) as monitor:
        try:
            yield
        finally:
            monitor.send_signal(signal.SIGTERM)


def answers(url: str, texts: list[str]) -> dict[str, Any]:
    answer: dict[str, Any] = httpx.post(f"{url}/predict", json={"texts": texts}, timeout=20).json()
    return answer


def test_a_bad_champion_promoted_by_force_is_rolled_back_within_a_minute(home: Home) -> None:
    with running_server(home.config, log=home.folder / "server.log") as url, running_monitor(home):
        answers(url, [row.text for row in ROWS[:5]])
        refused = subprocess.run(retune(home, "promote", f"{MODEL}@2"), capture_output=True, text=True, check=False)
        assert refused.returncode == 1
        assert "'reject': Worse." in refused.stderr
        assert "--force" in refused.stderr
        subprocess.run(retune(home, "promote", f"{MODEL}@2", "--force"), capture_output=True, check=True)
        answered = answers(url, [row.text for row in ROWS])
        assert answered["version"] == "2"
        labels = [
            {"prediction_id": given["id"], "label": row.label}
            for given, row in zip(answered["predictions"], ROWS, strict=True)
        ]
        assert httpx.post(f"{url}/feedback", json={"feedback": labels}, timeout=20).json()["accepted"] == len(ROWS)
        began = time.monotonic()
        while home.registry.champion(MODEL).version == "2":
            assert time.monotonic() < began + 60
            time.sleep(0.1)
        while not Incidents(home.ledger.database).latest(MODEL)[0].ended_at:
            assert time.monotonic() < began + 60
            time.sleep(0.1)
        assert answers(url, [ROWS[0].text])["version"] == "1"
    [incident] = Incidents(home.ledger.database).latest(MODEL)
    assert (incident.version, incident.cause, incident.action) == ("2", "accuracy", "rolled back")
    [last, forced, _] = home.ledger.promotions(MODEL)
    assert (last.version, last.previous, forced.version, forced.forced) == ("1", "2", "2", True)
    assert Guards(home.ledger.database).latest(MODEL)[0].outcome == "rolled back"
