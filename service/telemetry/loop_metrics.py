"""Prometheus metrics of the loop: what monitors and workers wrote to the ledger, on whatever machine."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import get_args

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from core.events import EVENTS
from core.home import Home
from core.home_processes.server_workers import ModelStatus
from core.ledger_tables.alerts import Alerts
from core.ledger_tables.guards import Guards
from core.ledger_tables.heartbeats import ROLES, Heartbeats
from core.ledger_tables.incidents import Act, Incidents
from core.records import Action, CheckRecord, JobStatus, Outcome, RequestedLabels
from core.share import Share

Status = Callable[[], Mapping[str, ModelStatus]]
"""The champions of this server worker by model."""


class LoopCollector(Collector):
    """Reads the ledger at each `collect`, by a few indexed queries a model. Raises `Unavailable`."""

    def __init__(self, home: Home, status: Status) -> None:
        self._home, self._status = home, status

    def collect(self) -> Iterator[Metric]:
        gauges = _Gauges()
        for model, status in self._status().items():
            if status.version:
                gauges.champion(model, status.version, status.since)
                self._read_model(gauges, model, status.version)
        counts = self._home.jobs.counts()
        for model in dict.fromkeys(model for model, _ in counts):
            for job in JOB_STATUSES:
                gauges.set("jobs", counts.get((model, job), 0), model=model, status=job)
        self._read_alerts(gauges)
        self._read_processes(gauges)
        return iter(gauges.families.values())

    def _read_model(self, gauges: _Gauges, model: str, version: str) -> None:
        ledger = self._home.ledger
        last = next(iter(ledger.traffic_checks(model, limit=1)), None)
        gauges.check(model, last, ledger.last_conclusive_check(model, version))
        gauges.labels(model, ledger.label_progress(model, version))
        standing = ledger.standings.of(model)
        if standing is not None and standing.version == version:
            found = standing.accuracy
            gauges.share("measured_accuracy", found.measured, model)
            gauges.set("measured_accuracy_rows", found.measured.rows if found.measured else 0, model=model)
            gauges.set("expected_accuracy_ratio", found.expected, model=model)
            gauges.set("accuracy_lost", found.is_lost, model=model)
            gauges.set("check_duration_seconds", standing.check_s, model=model)
        for decision in ledger.decisions(model, limit=1):
            gauges.states("decision", decision.action, get_args(Action), model, "action")
            gauges.set("decision_timestamp_seconds", _seconds(decision.created_at), model=model)
        self._read_guard(gauges, model)

    def _read_guard(self, gauges: _Gauges, model: str) -> None:
        database = self._home.ledger.database
        gauges.set("guard_open", Guards(database).open(model) is not None, model=model)
        incidents = Incidents(database)
        counts = incidents.counts(model)
        for act in get_args(Act):
            gauges.set("incidents", counts.get(act, 0), model=model, action=act)
        for last in incidents.latest(model, limit=1):
            gauges.set("incident_timestamp_seconds", _seconds(last.created_at), model=model)

    def _read_alerts(self, gauges: _Gauges) -> None:
        alerts = Alerts(self._home.ledger.database)
        counts = alerts.open_counts()
        for model in self._status():
            for event in EVENTS:
                gauges.set("alerts", counts.get((model, event), 0), model=model, event=event)
        for webhook, *states in alerts.delivery_counts():
            for status, count in zip(("waiting", "sent", "given_up"), states, strict=True):
                gauges.set("alert_deliveries", count, webhook=webhook, status=status)

    def _read_processes(self, gauges: _Gauges) -> None:
        beats = Heartbeats(self._home.ledger.database).all()
        for role in ROLES:
            own = [beat for beat in beats if beat.role == role]
            gauges.set("processes", sum(beat.is_running for beat in own), role=role)
            if own:
                gauges.set("process_last_seen_timestamp_seconds", max(beat.seen_s for beat in own), role=role)


class _Gauges:
    def __init__(self) -> None:
        names = {name: labels for name, (_, labels) in GAUGES.items()}
        self.families = {
            name: GaugeMetricFamily(f"retune_{name}", GAUGES[name][0], labels=labels) for name, labels in names.items()
        }

    def set(self, name: str, value: float | None, **labels: str) -> None:
        if value is not None:
            self.families[name].add_metric([labels[key] for key in GAUGES[name][1]], float(value))

    def states(self, name: str, current: str, known: tuple[str, ...], model: str, label: str) -> None:
        """1 for the current state and 0 for the others, so that each is a time series without gaps."""
        for state in known:
            self.set(name, state == current, model=model, **{label: state})

    def share(self, name: str, share: Share | None, model: str) -> None:
        if share is not None:
            self.set(f"{name}_ratio", share.value, model=model)
            self.set(f"{name}_low_ratio", share.low, model=model)
            self.set(f"{name}_high_ratio", share.high, model=model)

    def champion(self, model: str, version: str, since: str | None) -> None:
        self.set("champion_info", 1, model=model, version=version)
        self.set("champion_since_timestamp_seconds", _seconds(since) if since else None, model=model)

    def check(self, model: str, last: CheckRecord | None, conclusive: CheckRecord | None) -> None:
        """`last`: of whatever version and verdict; `conclusive`: the champion's last conclusive one."""
        self.set("check_timestamp_seconds", _seconds(last.created_at) if last else None, model=model)
        shown = conclusive or last
        if shown is not None:
            self.states("drift_verdict", shown.verdict.outcome, get_args(Outcome), model, "verdict")
            self.set("drift_p_value", shown.verdict.p_value, model=model)
            self.set("drift_rows", shown.verdict.rows, model=model)
            self.share("estimated_accuracy", shown.verdict.estimated_accuracy, model)

    def labels(self, model: str, found: RequestedLabels) -> None:
        self.set("labels_requested", found.requested, model=model)
        self.set("labels_open", found.still_open, model=model)


GAUGES: dict[str, tuple[str, list[str]]] = {
    "champion_info": ("1: the version in service.", ["model", "version"]),
    "champion_since_timestamp_seconds": ("When the version in service was promoted.", ["model"]),
    "check_timestamp_seconds": ("When the last drift check of traffic was recorded.", ["model"]),
    "check_duration_seconds": ("How long the last drift check of traffic took.", ["model"]),
    "drift_verdict": ("1: the verdict of the champion's last conclusive check.", ["model", "verdict"]),
    "drift_p_value": ("P-value of the champion's last conclusive check.", ["model"]),
    "drift_rows": ("Different texts in the window of that check.", ["model"]),
    "estimated_accuracy_ratio": ("Accuracy in that window, estimated without labels.", ["model"]),
    "estimated_accuracy_low_ratio": ("Low end of the estimate's 95 % interval.", ["model"]),
    "estimated_accuracy_high_ratio": ("High end of the estimate's 95 % interval.", ["model"]),
    "measured_accuracy_ratio": ("Accuracy of the champion on held-out texts with a label.", ["model"]),
    "measured_accuracy_low_ratio": ("Low end of its 95 % interval.", ["model"]),
    "measured_accuracy_high_ratio": ("High end of its 95 % interval.", ["model"]),
    "measured_accuracy_rows": ("Held-out texts with a label.", ["model"]),
    "expected_accuracy_ratio": ("Accuracy of the champion on its reference.", ["model"]),
    "accuracy_lost": ("1: labels show a significant loss of accuracy.", ["model"]),
    "labels_requested": ("Labels asked for, but for audits.", ["model"]),
    "labels_open": ("Of those, without an answer and not expired.", ["model"]),
    "decision": ("1: the last decision.", ["model", "action"]),
    "decision_timestamp_seconds": ("When the last decision was recorded.", ["model"]),
    "guard_open": ("1: the promise of a new champion is watched.", ["model"]),
    "incidents": ("Incidents in the ledger.", ["model", "action"]),
    "incident_timestamp_seconds": ("When the last incident was recorded.", ["model"]),
    "jobs": ("Jobs in the ledger.", ["model", "status"]),
    "alerts": ("Alerts whose conditions hold.", ["model", "event"]),
    "alert_deliveries": ("Messages to webhooks of the last 90 days.", ["webhook", "status"]),
    "processes": ("Monitors and workers that run.", ["role"]),
    "process_last_seen_timestamp_seconds": ("When one of them was last seen.", ["role"]),
}
"""Description and labels of each gauge, by its name without `retune_`."""
JOB_STATUSES: tuple[JobStatus, ...] = get_args(JobStatus)


def _seconds(stored: str) -> float:
    return datetime.fromisoformat(stored).timestamp()
