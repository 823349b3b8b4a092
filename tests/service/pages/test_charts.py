from __future__ import annotations

import re
from datetime import UTC, datetime

import numpy as np
import pytest
from starlette.testclient import TestClient

from core.accumulated import Accumulated
from core.clock import earliest_id, seconds_ago, stored_time, utc_now
from core.home import Home
from core.ledger import Ledger
from core.ledger_tables.guards import Guards, Promise
from core.ledger_tables.incidents import Incidents
from core.ledger_tables.standing import Accuracy
from core.ledger_tables.traffic import Load, Traffic, TrafficMinute
from core.package import read_facts
from core.records import Comparison, FeedbackRecord, GateRecord, GateVerdict, PredictionRecord, Verdict
from core.registry import Registry
from core.share import Share
from service.pages.charts.charts import ModelCharts, model_charts
from service.worker import Worker

ODD = "<script>alert(1)</script>"


@pytest.fixture
def home(worker: Worker) -> Home:
    return worker.home


@pytest.fixture
def ledger(home: Home) -> Ledger:
    return home.ledger


def labels_of(registry: Registry) -> list[str]:
    return read_facts(registry.folder("tickets", "1")).labels


def check(ledger: Ledger, outcome: str = "ok", *, p_value: float | None = 0.4, estimated: float | None = 0.85) -> int:
    share = None if estimated is None else Share(estimated, estimated - 0.05, estimated + 0.05, 300)
    found = Verdict(
        outcome,  # type: ignore[arg-type]  # one of its names
        p_value,
        300,
        500,
        estimated_accuracy=share,
        level=0.003,
        accumulated=Accumulated([], 0.4),
    )
    return ledger.record_check("tickets", "1", found, source="traffic")


def predict(ledger: Ledger, count: int, label: str) -> list[str]:
    now = datetime.now(UTC)
    embedding = np.zeros(2, dtype=np.float32)
    records = [
        PredictionRecord(
            f"{earliest_id(now.timestamp() - 60 + row)}{row:016x}",
            "tickets",
            "1",
            stored_time(now),
            f"text {row} of {label}",
            label,
            0.9,
            3,
            False,
            embedding,
        )
        for row in range(count)
    ]
    ledger.record_predictions(records)
    return [record.id for record in records]


def shown(charts: ModelCharts) -> dict[str, bool]:
    return {name: value is not None for name, value in vars(charts).items() if name not in ("since", "until")}


def test_a_new_model_has_no_charts_and_its_page_none(home: Home, client: TestClient) -> None:
    # The champion's export says what accuracy is to be expected.
    assert {name for name, is_there in shown(model_charts(home, "tickets")).items() if is_there} == {"accuracy"}
    assert "Numbers</summary>" in client.get("/dashboard/tickets").text


def test_accuracy_shows_every_way_in_which_it_is_known(home: Home, ledger: Ledger, registry: Registry) -> None:
    check(ledger)
    ids = predict(ledger, 40, labels_of(registry)[0])
    ledger.record_feedback([FeedbackRecord(key, labels_of(registry)[row % 8 == 0]) for row, key in enumerate(ids)])
    fresh = Comparison(57, 0.702, 0.754, 5, 2, 0.19)
    gate = GateRecord(1, GateVerdict("hold", "Too few labels.", fresh=fresh))
    ledger.record_promotion("tickets", "2", previous="1", promoted=False, reason="Held.", gate=gate)
    chart = model_charts(home, "tickets").accuracy
    assert chart is not None
    for how in ("estimated without labels", "measured on labels", "champion at the gate", "challenger at the gate"):
        assert how in chart
    assert "expected of the version" in chart
    assert "75.4 %" in chart
    assert "Last estimated without labels: 85.0 %, version 1." in chart


def test_what_was_promised_is_the_expected_line(home: Home, ledger: Ledger, registry: Registry) -> None:
    champion = registry.champion("tickets")
    promise = Promise(accuracy=Share(0.77, 0.7, 0.84, 100))
    Guards(ledger.database).begin("tickets", champion, previous=None, after_number=0, promise=promise)
    ledger.standings.record("tickets", "1", Accuracy(expected=0.66))
    chart = model_charts(home, "tickets").accuracy
    assert chart is not None
    assert "Expected now: 66.0 %." in chart


def test_drift_counts_its_alarms_and_shows_what_is_not_known(home: Home, ledger: Ledger) -> None:
    check(ledger)
    check(ledger, "drift", p_value=1e-9, estimated=None)
    last = check(ledger, "insufficient_data", p_value=None, estimated=None)
    chart = model_charts(home, "tickets").drift
    assert chart is not None
    assert "3 checks, 1 of them with an alarm." in chart
    assert f"check {last} of version 1: insufficient data, no p-value" in chart
    assert chart.count('class="event drift"') == 1
    assert "1e-09" in chart


def test_checks_of_an_earlier_release_are_shown(home: Home, ledger: Ledger) -> None:
    ledger.record_check("tickets", "1", Verdict("ok", 0.5), source="traffic")
    charts = model_charts(home, "tickets")
    assert charts.drift is not None
    assert "all windows together" not in charts.drift


def test_traffic_shows_requests_latency_and_errors(home: Home, ledger: Ledger) -> None:
    load = Load(
        requests=10, failed_requests=1, late_requests=1, answered=9, seconds=[0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]
    )
    Traffic(ledger.database).add([TrafficMinute("tickets", "1", seconds_ago(120)[:16], load)])
    chart = model_charts(home, "tickets").traffic
    assert chart is not None
    assert chart.count('<svg class="plot"') == 3
    assert "10 requests" in chart
    assert "1 failed (10.0 %)" in chart
    assert "<td>25 ms</td><td>30 s</td>" in chart


def test_answers_are_compared_with_the_reference_and_with_labels(
    home: Home, ledger: Ledger, registry: Registry
) -> None:
    label = labels_of(registry)[0]
    ids = predict(ledger, 30, label)
    ledger.record_feedback([FeedbackRecord(key, ODD) for key in ids[:10]])
    charts = model_charts(home, "tickets")
    assert charts.answers is not None
    assert charts.shares is not None
    assert f"{label}: " in charts.shares
    assert "100.0 %" in charts.shares
    assert charts.confusion is not None
    assert "&lt;script&gt;alert" in charts.confusion
    assert ODD not in charts.confusion


def test_every_change_is_a_mark_on_the_axis(home: Home, ledger: Ledger) -> None:
    check(ledger, "drift", p_value=0.0001)
    for version, previous in (("2", "1"), ("1", "2")):
        ledger.record_promotion("tickets", version, previous=previous, promoted=True, reason=f"{ODD}.", gate=None)
    Incidents(ledger.database).add(
        "tickets", "2", previous="1", guard_id=1, cause="accuracy", action="rolled back", reason="Worse.", done="Done."
    )
    ledger.record_feedback([FeedbackRecord(key, "bug") for key in predict(ledger, 3, "bug")])
    chart = model_charts(home, "tickets").accuracy
    assert chart is not None
    legend = re.findall(r"</svg> ([^<]+)</li>", chart)
    assert {"alarm", "labels given", "promotion", "roll back", "incident"} <= set(legend)
    assert "incident: Worse." in chart
    assert ODD not in chart


def test_the_page_shows_the_charts_in_their_order_and_stays_small(client: TestClient, ledger: Ledger) -> None:
    for _ in range(3):
        check(ledger)
    load = Load(requests=1, answered=1, seconds=[1] + [0] * 13)
    Traffic(ledger.database).add([TrafficMinute("tickets", "1", utc_now()[:16], load)])
    page = client.get("/dashboard/tickets").text
    titles = re.findall(r"<figcaption>([^<]+)</figcaption>", page)
    assert titles[:2] == ["Accuracy", "Drift: evidence, as a share of what raises an alarm"]
    assert titles[2].startswith("Requests in ")
    assert page.count("<summary>Numbers</summary>") == page.count('<figure class="chart">') == 3
    assert len(page) < 300_000
    assert "style=" not in page.split("</head>")[1]
