from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from starlette.testclient import TestClient

COUNT_ONE = """
from service.telemetry.metrics import Metrics
from core.home_processes.server_workers import ModelStatus
metrics = Metrics()
metrics.count_item_error("from_the_dead")
metrics.set_status({"tickets": ModelStatus("7", "now")})
metrics.page()
"""
PAGE = "from service.telemetry.metrics import Metrics; print(Metrics().page().decode())"


def test_a_prediction_is_counted_by_model_and_label(client: TestClient) -> None:
    client.post("/predict", json={"texts": ["my invoice was charged again", 5]})
    page = client.get("/metrics").text
    assert 'retune_predictions_total{label="billing",model="tickets"} 1.0' in page
    assert 'retune_item_errors_total{code="invalid_text"} 1.0' in page
    assert 'retune_champion_version{model="tickets"} 1.0' in page
    assert 'retune_requests_total{route="/predict",status="200"} 1.0' in page


def test_counters_of_a_killed_worker_stay_and_its_gauges_are_removed(tmp_path: Path) -> None:
    environment = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
    subprocess.run([sys.executable, "-c", COUNT_ONE], env=environment, check=True)
    page = subprocess.run([sys.executable, "-c", PAGE], env=environment, check=True, capture_output=True, text=True)
    assert 'retune_item_errors_total{code="from_the_dead"} 1.0' in page.stdout
    assert "retune_champion_version{" not in page.stdout


def test_counts_are_shown_again_when_the_disk_has_room_again(tmp_path: Path) -> None:
    environment = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
    subprocess.run([sys.executable, "-c", COUNT_ON_A_FULL_DISK], env=environment, check=True)


COUNT_ON_A_FULL_DISK = """
import resource, signal
from service.telemetry.metrics import Metrics
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
metrics = Metrics()
metrics.count_item_error("before")
assert b'code="before"} 1.0' in metrics.page()
resource.setrlimit(resource.RLIMIT_FSIZE, (100, resource.RLIM_INFINITY))
for number in range(5000):
    metrics.count_item_error(f"full_{number}")
assert b'code="full_7"' not in metrics.page()
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
metrics.count_item_error("after")
page = metrics.page()
assert b'code="full_4999"} 1.0' in page and b'code="after"} 1.0' in page
"""
