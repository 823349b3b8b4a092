from __future__ import annotations

import re

import pytest
from starlette.testclient import TestClient

from core.audit.entries import Actor, record
from core.config import Config
from core.freezes import Freeze
from core.ledger import Ledger
from core.ledger_tables.guards import Finding, Guards, Promise
from core.ledger_tables.incidents import Incidents
from core.ledger_tables.loop_steps import Done
from core.loop.orders import freeze
from core.records import Comparison, Decision, FeedbackRecord, GateRecord, GateVerdict
from core.share import Share
from service.pages.timeline.reading import KINDS
from service.worker import Worker
from tests.service.pages.test_checks import add, predict

HISTORY = "/dashboard/tickets/history"


@pytest.fixture
def ledger(worker: Worker) -> Ledger:
    return worker.home.ledger


def titles(page: str) -> list[str]:
    return re.findall(r'<span class="pill [^"]*">([^<]+)</span> <span dir="auto">', page)


def fill(worker: Worker) -> None:
    """One event of each kind."""
    home, ledger = worker.home, worker.home.ledger
    predict(ledger, "p1")
    check = add(ledger)
    decision = ledger.record_decision("tickets", Decision("label", "40 labels <b>would</b> tell.", 40), check_id=check)
    ledger.proposals.propose("tickets", "1", action="retrain", waiting=None, reason="It drifted.", decision_id=decision)
    ledger.loop_steps.record("tickets", "1", Done("held", "retrain", "cool-down", "The last one was at 9."))
    gate = GateRecord(1, GateVerdict("reject", "No.", Comparison(50, 0.8, 0.9, 7, 2, 0.04)))
    ledger.record_promotion("tickets", "2", previous="1", promoted=False, reason="Not better.", gate=gate)
    guard = Guards(ledger.database).begin(
        "tickets",
        home.registry.champion("tickets"),
        previous=None,
        after_number=0,
        promise=Promise(Share(0.9, 0.85, 0.95), by="promised by the gate"),
    )
    Guards(ledger.database).note(guard, [Finding("latency", 9, 0.2, "As fast.")], labels=3, watched_s=60)
    Incidents(ledger.database).add(
        "tickets",
        "1",
        previous=None,
        guard_id=guard.id,
        cause="errors",
        action="told",
        reason="5 % failed.",
        done="Nothing was changed.",
    )
    freeze(home, "tickets", Freeze("", None, "Christmas", "key anna"))
    home.jobs.enqueue("tickets", "retrain")
    record(home, Actor("key anna", "page"), "retrain", "tickets", {"job": 1})
    ledger.record_feedback([FeedbackRecord("p1", "bug", "ben")])
    record(home, Actor("user root", "cli"), "label_rule", "tickets", {"action": "rename", "label": "<script>"})


def test_every_kind_of_event_is_in_one_timeline_with_who_and_why(client: TestClient, worker: Worker) -> None:
    fill(worker)
    page = client.get(HISTORY).text
    assert set(re.findall(r'"/dashboard/tickets/history[?]kind=(\w+)">\w+</a>(?: ·|</p>)', page)) == set(KINDS)
    for words in (
        "40 labels &lt;b&gt;would&lt;/b&gt; tell.",
        "drift on 340 rows, p = 0.001, estimated accuracy 84.2 % (79.1 % to 88.7 %).",
        "retrain: open",
        "held retrain by cool-down",
        "Fresh rows: 80.0 % → 90.0 % of 50, 7 won and 2 lost, p = 0.04.",
        "Expected: accuracy 90.0 % (85.0 % to 95.0 %), promised by the gate.",
        "Latency: As fast.",
        "errors of version 1: told",
        "Nothing was changed.",
        "frozen until a person ends it (Christmas)",
        "1 label given within the hour",
        "ben (1)",
        "changed the labels",
        "label &lt;script&gt;",
        "user root (cli)",
    ):
        assert words in page, words
    assert re.search(r"job</a> · key anna", page)
    assert '<a href="/dashboard/tickets/checks/1">Check 1</a>' in page
    assert '<a href="/dashboard/-/jobs/1">Job 1</a>' in page
    assert "<script>" not in page


def test_one_kind_can_be_shown_alone(client: TestClient, worker: Worker) -> None:
    fill(worker)
    assert titles(client.get(f"{HISTORY}?kind=incidents").text) == ["errors of version 1: told"]
    assert titles(client.get(f"{HISTORY}?kind=guards").text) == ["guard of version 1: open"]


def test_pages_go_on_where_each_kind_ended(client: TestClient, ledger: Ledger) -> None:
    for number in range(5):
        ledger.record_decision("tickets", Decision("label", "Why.", number), check_id=None)
        ledger.record_promotion("tickets", str(number), previous=None, promoted=True, reason="", gate=None)
    seen: list[str] = []
    address = f"{HISTORY}?limit=3"
    while address:
        page = client.get(address).text
        seen += titles(page)
        older = re.search(r'rel="next" href="([^"]+)"', page)
        address = older[1].replace("&amp;", "&") if older else ""
    assert seen == [title for number in (4, 3, 2, 1, 0) for title in (f"version {number} promoted", f"label {number}")]


def test_quiet_decisions_in_a_row_are_one_entry(client: TestClient, ledger: Ledger) -> None:
    for number in range(4):
        ledger.record_decision("tickets", Decision("none", f"All is well {number}."), check_id=None)
    page = client.get(HISTORY).text
    assert titles(page) == ["none"]
    assert "4 times in a row since" in page
    assert "All is well 3." in page


def test_a_promotion_names_the_person_of_the_audit(client: TestClient, worker: Worker) -> None:
    worker.home.ledger.record_promotion(
        "tickets", "1", previous=None, promoted=True, reason="By hand.", gate=None, forced=True
    )
    record(worker.home, Actor("key anna", "http"), "promote", "tickets", {"version": "1"})
    page = client.get(f"{HISTORY}?kind=promotions").text
    assert "· key anna" in page
    assert "By force" in page


def test_an_empty_history_says_so(client: TestClient, worker: Worker) -> None:
    assert "Nothing has happened yet." in client.get(HISTORY).text
    assert "Nothing of this kind has happened yet." in client.get(f"{HISTORY}?kind=jobs").text


@pytest.mark.parametrize(
    "query", ["kind=all", "kind=<script>", "older=", "older=jobs.x", "older=jobs.0", "older=jobs.²", "limit=0", "x=1"]
)
def test_odd_parameters_are_refused_in_words(client: TestClient, query: str) -> None:
    answer = client.get(f"{HISTORY}?{query}")
    assert answer.status_code == 400
    assert "<script>" not in answer.text


def test_without_the_ledger_the_page_says_why(client: TestClient, config: Config) -> None:
    (config.home / "ledger.db").mkdir(parents=True)
    assert client.get(HISTORY).status_code == 503
    assert client.get("/dashboard/nope/history").status_code == 404
