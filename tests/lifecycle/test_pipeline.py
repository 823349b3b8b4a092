from __future__ import annotations

import shutil
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from core.errors import VersionRefused
from core.home import Home
from core.home_processes.server_workers import ModelStatus, ServerWorkers
from core.jobs import JobQueue
from core.ledger import Ledger
from core.lineage import Lineage
from core.package import read_facts, write_facts, write_manifest
from core.progress import ignore
from core.records import Comparison, GateRecord, GateVerdict
from lifecycle.retrain import _hold_if_champion_changed, retrain


def test_a_promotion_that_a_server_worker_refuses_is_recorded_as_undone(
    home: Home, ledger: Ledger, tiny_package: Path, tmp_path: Path
) -> None:
    registry, server_workers = home.registry, ServerWorkers(home.folder)
    registry.promote("tickets", registry.add(tiny_package, "tickets"))
    before = registry.champion("tickets")
    other = shutil.copytree(tiny_package, tmp_path / "other", ignore=shutil.ignore_patterns("manifest.json"))
    write_facts(other, replace(read_facts(other), lineage=Lineage(retune="second")))
    write_manifest(other)
    version = registry.add(other, "tickets")
    job = JobQueue(ledger).enqueue("tickets", "retrain")
    # An earlier run of the job was killed after the gate.
    gate = GateRecord(job.id, GateVerdict("promote", "Better."))
    ledger.record_promotion("tickets", version, previous="1", promoted=True, reason="Better.", gate=gate)
    server_workers.publish({"tickets": ModelStatus("1", before.since)})

    def refuse() -> None:
        while (champion := registry.champion("tickets")).version != version:
            time.sleep(0.01)
        failed = ModelStatus("1", before.since, error="no memory", failed=version, failed_since=champion.since)
        server_workers.publish({"tickets": failed})

    worker = threading.Thread(target=refuse)
    worker.start()
    with pytest.raises(VersionRefused):
        retrain(job, home, on_progress=ignore)
    worker.join()
    server_workers.remove()
    assert registry.champion("tickets") == before
    recorded = [(row.version, row.reason) for row in ledger.promotions("tickets")]
    assert recorded == [("1", f"Version {version} could not be loaded."), (version, "Better.")]


def test_a_challenger_compared_with_an_earlier_champion_is_held() -> None:
    no_rows = Comparison(0, 0.0, 0.0, 0, 0, 1.0)
    verdict = GateVerdict("promote", "Better.", no_rows, no_rows, labels_needed=3)
    assert _hold_if_champion_changed(verdict, "m", against="1", now="1") is verdict
    held = _hold_if_champion_changed(verdict, "m", against="1", now="2")
    assert (held.answer, held.labels_needed) == ("hold", None)
    assert "m@2 was put in service meanwhile" in held.reason
