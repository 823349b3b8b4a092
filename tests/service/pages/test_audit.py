from __future__ import annotations

import re

import pytest
from starlette.testclient import TestClient

from core.audit.entries import Actor, AuditEntry, record
from core.clock import utc_now
from core.config import Config
from service.pages.audit import together
from service.worker import Worker

ANNA, LOCAL = Actor("key anna", "page"), Actor("user <b>root</b>", "cli")


@pytest.fixture
def filled(worker: Worker) -> Worker:
    record(worker.home, LOCAL, "register", "tickets", {"version": "1"})
    record(worker.home, ANNA, "label_rule", "tickets", {"action": "rename", "label": "<script>"})
    record(worker.home, ANNA, "add_key", facts={"name": "ben", "scopes": ["label"]})
    return worker


def done(page: str) -> list[str]:
    return re.findall(r'<td class="long">([a-z ]+)', page)


def test_the_audit_tells_who_did_what_through_what(client: TestClient, filled: Worker) -> None:
    page = client.get("/dashboard/-/audit").text
    assert done(page) == ["added a key", "changed the labels", "registered"]
    for words in (
        "user &lt;b&gt;root&lt;/b&gt;",
        "command",
        "action rename, label &lt;script&gt;",
        "name ben, scopes label",
        'href="/dashboard/tickets/history">tickets</a>',
    ):
        assert words in page, words


def test_the_audit_can_be_narrowed_down(client: TestClient, filled: Worker) -> None:
    for query, found in (
        ("model=tickets", ["changed the labels", "registered"]),
        ("who=key+anna", ["added a key", "changed the labels"]),
        ("model=tickets&who=key+anna&since=", ["changed the labels"]),
        ("since=2020-01-31", ["added a key", "changed the labels", "registered"]),
        ("since=2099-01-31", []),
    ):
        assert done(client.get(f"/dashboard/-/audit?{query}").text) == found, query


def test_pages_keep_what_was_asked(client: TestClient, filled: Worker) -> None:
    page = client.get("/dashboard/-/audit?who=key+anna&limit=1").text
    older = re.search(r'rel="next" href="([^"]+)"', page)
    assert older is not None
    assert done(client.get(older[1].replace("&amp;", "&")).text) == ["changed the labels"]


@pytest.mark.parametrize("query", ["since=yesterday", "since=<script>", "limit=x", "before=0", "via=cli"])
def test_odd_parameters_are_refused_in_words(client: TestClient, query: str) -> None:
    answer = client.get(f"/dashboard/-/audit?{query}")
    assert answer.status_code == 400
    assert "<script>" not in answer.text


def test_what_was_asked_is_escaped(client: TestClient, filled: Worker) -> None:
    page = client.get("/dashboard/-/audit?model=<script>&who=<script>").text
    assert "No change is recorded that fits." in page
    assert "<script>" not in page


def test_without_the_ledger_the_page_says_why(client: TestClient, config: Config) -> None:
    (config.home / "ledger.db").mkdir(parents=True)
    assert client.get("/dashboard/-/audit").status_code == 503


def test_labels_given_in_a_row_are_one_line() -> None:
    def entry(number: int, who: str, accepted: int) -> AuditEntry:
        facts = {"source": "page", "accepted": accepted, "cannot_tell": 0}
        return AuditEntry(number, utc_now(), who, "page", "give_labels", "tickets", facts, None)

    found = together([entry(4, "key ben", 2), entry(3, "key anna", 1), entry(2, "key anna", 3), entry(1, "key ben", 1)])
    assert [(one.who, one.facts["accepted"]) for one in found] == [("key ben", 2), ("key anna", 4), ("key ben", 1)]
