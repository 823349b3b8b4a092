"""Debian's Prometheus scrapes a running server, and its rules are about what the server shows."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from core.config import Config
from core.events import EVENTS
from core.home import Home
from core.records import TRAFFIC, Verdict
from service.telemetry.loop_metrics import GAUGES
from service.telemetry.metrics import Metrics
from tests.service.conftest import wait_until

ROOT = Path(__file__).parents[3]
RULES = ROOT / "deploy" / "prometheus" / "rules.yml"
SHOWN = {*(f"retune_{name}" for name in GAUGES), "retune_ledger_readable"}
needs_prometheus = pytest.mark.skipif(shutil.which("promtool") is None, reason="Prometheus is not installed")

RULE_TESTS = """
rule_files: [{rules}]
evaluation_interval: 1m
tests:
  - interval: 1m
    input_series:
      - {{series: 'retune_drift_verdict{{model="a",verdict="drift",instance="1"}}', values: '0 1 1 1'}}
      - {{series: 'retune_drift_verdict{{model="b",verdict="drift",instance="1"}}', values: '0 0 0 0'}}
      - {{series: 'retune_champion_info{{model="a",version="1"}}', values: '1x20'}}
      - {{series: 'retune_jobs{{model="a",status="queued"}}', values: '1x20'}}
      - {{series: 'retune_processes{{role="worker"}}', values: '0x20'}}
      - {{series: 'retune_incidents{{model="a",action="rolling back"}}', values: '0 1x20'}}
      - {{series: 'retune_incident_timestamp_seconds{{model="a"}}', values: '_ 60x99'}}
    alert_rule_test:
      - {{eval_time: 0m, alertname: RetuneDrift, exp_alerts: []}}
      - eval_time: 2m
        alertname: RetuneDrift
        exp_alerts:
          - exp_labels: {{model: a, severity: warning}}
            exp_annotations: {{summary: "a: inputs drifted", runbook: docs/runbook.md#drift}}
      - {{eval_time: 0m, alertname: RetuneIncident, exp_alerts: []}}
      - eval_time: 2m
        alertname: RetuneIncident
        exp_alerts:
          - exp_labels: {{model: a, severity: warning}}
            exp_annotations: {{summary: "a: a new champion broke its promise", runbook: docs/runbook.md#incident}}
      - {{eval_time: 62m, alertname: RetuneIncident, exp_alerts: []}}
      - {{eval_time: 2m, alertname: RetuneRollBackUnfinished, exp_alerts: []}}
      - eval_time: 4m
        alertname: RetuneRollBackUnfinished
        exp_alerts:
          - exp_labels: {{model: a, severity: critical}}
            exp_annotations:
              summary: "a: a roll back began and did not end"
              runbook: docs/runbook.md#incident
      - eval_time: 10m
        alertname: RetuneMonitorMissing
        exp_alerts:
          - exp_labels: {{severity: warning, role: monitor}}
            exp_annotations:
              summary: No monitor was seen for an hour
              runbook: docs/runbook.md#retunemonitormissing-retunechecksstopped
      - eval_time: 16m
        alertname: RetuneWorkerMissing
        exp_alerts:
          - exp_labels: {{severity: warning}}
            exp_annotations:
              summary: Jobs wait, and no worker runs
              runbook: docs/runbook.md#retuneworkermissing
"""


@contextmanager
def running_prometheus(folder: Path, server: str) -> Iterator[str]:
    """The URL of a Prometheus that scrapes the server with the rules of `deploy/`."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        url = f"127.0.0.1:{probe.getsockname()[1]}"
    shutil.copy(RULES, folder)
    config = (ROOT / "deploy" / "prometheus" / "prometheus.yml").read_text()
    config = config.replace("127.0.0.1:3000", server.removeprefix("http://")).replace("15s", "1s")
    (folder / "prometheus.yml").write_text(config)
    command = ["prometheus", f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([*command, f"--web.listen-address={url}"], stdout=log, stderr=log)
    try:
        yield f"http://{url}"
    finally:
        process.terminate()
        process.wait(30)


def asked(url: str, path: str, **parameters: str) -> Any:
    try:
        return httpx.get(f"{url}/api/v1/{path}", params=parameters, timeout=10).json()["data"]
    except httpx.HTTPError:
        return {}


@needs_prometheus
@pytest.mark.slow
def test_prometheus_scrapes_the_product_and_alerts(server: str, served_config: Config, tmp_path: Path) -> None:
    home = Home(served_config)
    home.ledger.record_check("tickets", "1", Verdict("drift", 0.001, 300, 150), source=TRAFFIC)
    home.close()
    with running_prometheus(tmp_path, server) as url:

        def firing() -> set[str]:
            return {alert["labels"]["alertname"] for alert in asked(url, "alerts").get("alerts", [])}

        wait_until(lambda: "RetuneDrift" in firing(), timeout_s=60)
        found = asked(url, "query", query="retune_drift_p_value")["result"]
        assert found[0]["metric"]["model"] == "tickets"
        assert float(found[0]["value"][1]) == 0.001
        targets = asked(url, "targets")["activeTargets"]
        assert [(target["health"], target["lastError"]) for target in targets] == [("up", "")]
        assert abs(time.time() - float(found[0]["value"][0])) < 600


@needs_prometheus
def test_the_rules_fire_when_they_should(tmp_path: Path) -> None:
    tests = tmp_path / "rules_test.yml"
    tests.write_text(RULE_TESTS.format(rules=RULES))
    run = subprocess.run(["promtool", "test", "rules", tests], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr


@pytest.mark.parametrize("path", ["deploy/prometheus/rules.yml", "deploy/grafana/retune.json"])
def test_every_metric_that_is_asked_for_is_shown(path: str) -> None:
    known = SHOWN | set(re.findall(r"^# HELP (\w+)", Metrics().page().decode(), re.M))
    text = (ROOT / path).read_text()
    names = {name.removesuffix("_bucket") for name in re.findall(r"\bretune_\w+", text)}
    assert len(names) > 10
    assert sorted(names - known) == []


def test_every_alarm_has_its_section_in_the_runbook() -> None:
    headings = re.findall(r"^## (.+)$", (ROOT / "docs" / "runbook.md").read_text(), re.M)
    anchors = {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}
    linked = set(re.findall(r"docs/runbook\.md#([\w-]+)", RULES.read_text()))
    events = {event.replace("_", "-") for event in EVENTS if event != "test"}
    assert (linked | events) - anchors == set()
    named = {name for heading in headings for name in heading.split(", ")}
    alone = {name for name in re.findall(r"alert: (\w+)", RULES.read_text()) if name in named}
    assert {name for name in named if name.startswith("Retune")} == alone


def test_the_commands_of_the_runbook_exist() -> None:
    from cli.main import retune

    words = re.findall(r"`retune ([a-z]+)", (ROOT / "docs" / "runbook.md").read_text())
    assert len(words) > 10
    assert [word for word in words if word not in retune.commands] == []
