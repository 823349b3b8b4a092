"""Promotion and roll back by forms of pages, and what a person tells the loop."""

from __future__ import annotations

import resource
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from core.audit.entries import Audit
from core.config import Config
from core.freezes import freeze_of
from core.ledger import Ledger
from core.ledger_tables.heartbeats import Heartbeats
from core.ledger_tables.loop_steps import Done
from core.ledger_tables.standing import Accuracy
from core.package import read_facts
from core.processes.owner import this_worker
from core.records import Decision
from core.registry import Registry
from core.share import measured
from service.worker import Worker
from tests.service.conftest import Variant
from tests.service.pages.forms import ORIGIN, form_token, send
from tests.service.pages.gated import judge

MODEL = "/dashboard/tickets"
PROMOTE, ROLL_BACK = f"{MODEL}/versions/2/promote", f"{MODEL}/rollback"
LESS_THAN_A_PAGE = 4_000
"""In bytes; the champion's file is smaller, a write of the ledger is not."""
FORCED = {"expected": "1", "force": "yes", "reason": "A <customer> waits."}


@pytest.fixture
def ledger(worker: Worker) -> Ledger:
    return worker.home.ledger


@pytest.fixture
def two(registry: Registry, second_package: Path) -> Registry:
    """Version 1 is in service, version 2 is not."""
    registry.add(second_package, "tickets")
    return registry


@pytest.fixture
def promoted(two: Registry) -> Registry:
    """Version 2 is in service, after version 1."""
    two.promote("tickets", "2")
    return two


def recorded(worker: Worker) -> list[tuple[str, str]]:
    """Action and place of each change, when all are recorded."""
    worker.promotion_executor.submit(int).result(timeout=10)
    return [(entry.action, entry.via) for entry in Audit(worker.home.ledger.database).latest("tickets")]


def propose(ledger: Ledger, action: str, version: str = "1") -> int:
    return ledger.proposals.propose(
        "tickets", version, action=action, waiting=None, reason="It <drifted>.", decision_id=None
    ).id


def test_a_promotion_is_confirmed_and_recorded(client: TestClient, worker: Worker, two: Registry) -> None:
    page = client.get(PROMOTE).text
    assert "tickets@1 goes out of service, tickets@2 answers in its place." in page
    assert 'name="expected" value="1"' in page
    assert "Both versions have the same labels." in page
    assert 'tickets@1<br><span class="soft">in service now</span>' in page
    assert 'tickets@2<br><span class="soft">would answer</span>' in page
    assert 'Accuracy at export <span class="soft">rows not recorded' in page
    answer = send(client, PROMOTE, page=PROMOTE, expected="1")
    assert (answer.status_code, answer.headers["Location"]) == (303, f"{MODEL}/versions/2")
    assert two.champion("tickets").version == "2"
    assert recorded(worker) == [("promote", "page")]
    assert worker.home.ledger.promotions("tickets")[0].reason == "Promoted on the page."
    assert "It is in service already." in client.get(PROMOTE).text


def test_labels_that_go_are_named_before_a_promotion(client: TestClient, two: Registry, variant: Variant) -> None:
    two.add(variant(labels=["<new>", "billing", "bug"], golden=[]), "tickets")
    page = client.get(f"{MODEL}/versions/3/promote").text
    assert "<strong>Labels that tickets@3 does not have:</strong> <bdi>how_to</bdi>." in page
    assert "<strong>Labels that only tickets@3 has:</strong> <bdi>&lt;new&gt;</bdi>." in page


@pytest.mark.parametrize("is_judged", [False, True])
def test_accuracies_at_export_on_the_same_rows_are_said_to_be_so(
    client: TestClient, two: Registry, ledger: Ledger, variant: Variant, is_judged: bool
) -> None:
    lineage = read_facts(two.folder("tickets", "1")).lineage
    two.add(variant(lineage=lineage, max_length=40), "tickets")
    if is_judged:
        judge(ledger, version="3")
    for page in ("versions/3/promote", "versions/3"):
        assert f"n the same {lineage.data.validation_rows} rows" in client.get(f"{MODEL}/{page}").text
        assert "on different rows" not in client.get(f"{MODEL}/{page}").text.lower()


def test_of_two_promotions_at_once_the_second_is_refused(client: TestClient, promoted: Registry) -> None:
    answer = send(client, f"{MODEL}/versions/1/promote", expected="1")
    assert answer.status_code == 409
    assert "tickets@2 is the champion, and tickets@1 is expected, so nothing has changed." in answer.text
    assert promoted.champion("tickets").version == "2"
    for expected in ({}, {"expected": ""}):
        assert send(client, f"{MODEL}/versions/1/promote", **expected).status_code == 409


def test_a_refused_version_needs_force_and_a_reason(
    client: TestClient, worker: Worker, two: Registry, ledger: Ledger
) -> None:
    judge(ledger, reason="It <lost>.")
    page = client.get(PROMOTE).text
    assert "The gate&#39;s answer to tickets@2 is &#39;hold&#39;: It &lt;lost&gt;." in page
    assert 'name="force" value="yes" required' in page
    for fields in ({"expected": "1"}, {**FORCED, "reason": " "}, {**FORCED, "force": ""}, {**FORCED, "force": "no"}):
        answer = send(client, PROMOTE, page=PROMOTE, **fields)
        assert (answer.status_code, "tick &#39;by force&#39; and give a reason" in answer.text) == (409, True)
    assert send(client, PROMOTE, page=PROMOTE, **{**FORCED, "reason": "x" * 501}).status_code == 400
    assert two.champion("tickets").version == "1"
    assert send(client, PROMOTE, page=PROMOTE, **FORCED).status_code == 303
    assert recorded(worker) == [("promote", "page")]
    record = ledger.promotions("tickets")[0]
    assert (record.forced, record.reason) == (True, "Promoted on the page, by force: A <customer> waits.")
    page = client.get(f"{MODEL}/versions/2").text
    assert '<span class="pill drift">by force</span>' in page
    assert "A &lt;customer&gt; waits." in page


def test_force_that_nothing_needs_leaves_no_mark(client: TestClient, worker: Worker, two: Registry) -> None:
    assert send(client, PROMOTE, page=PROMOTE, **FORCED).status_code == 303
    recorded(worker)
    record = worker.home.ledger.promotions("tickets")[0]
    assert (record.forced, record.reason) == (False, "Promoted on the page: A <customer> waits.")


@pytest.mark.parametrize("version", ["9", "x", "%3Cscript%3E"])
def test_a_version_that_is_gone_is_not_promoted(client: TestClient, two: Registry, version: str) -> None:
    path = f"{MODEL}/versions/{version}/promote"
    assert client.get(path).status_code == 404
    assert send(client, path, expected="1").status_code == 404
    two.remove("tickets", "2")
    answer = send(client, PROMOTE, expected="1")
    assert (answer.status_code, "it was deleted on" in answer.text) == (404, True)


def test_a_damaged_version_is_not_promoted(client: TestClient, two: Registry, config: Config) -> None:
    with (config.home / "registry/tickets/versions/2/model.onnx").open("ab") as graph:
        graph.write(b"x")
    answer = send(client, PROMOTE, page=PROMOTE, expected="1")
    assert (answer.status_code, "version 1 goes on answering" in answer.text) == (409, True)
    assert two.champion("tickets").version == "1"


def test_a_roll_back_says_which_version_went_and_why(client: TestClient, worker: Worker, promoted: Registry) -> None:
    assert 'name="reason"' in client.get(ROLL_BACK).text
    for fields, status in (({"reason": "x" * 501}, 400), ({"reason": "Anna saw <wrong> answers"}, 303)):
        answer = send(client, ROLL_BACK, page=ROLL_BACK, expected="2", target="1", **fields)
        assert answer.status_code == status
    recorded(worker)
    said = "Rolled back on the page: Anna saw &lt;wrong&gt; answers."
    history = client.get(f"{MODEL}/history").text
    assert "version 2 rolled back to version 1" in history
    assert "version 1 promoted" not in history
    assert said in history
    overview = client.get(MODEL).text
    assert "version 2 to 1<br>" in overview
    assert '<span class="pill drift">rolled back</span>' in overview
    versions = client.get(f"{MODEL}/versions").text
    assert f"In service again, in place of version 2. {said}" in versions
    assert '<span class="pill drift">rolled back</span>' in versions
    gone = client.get(f"{MODEL}/versions/2").text
    assert '<span class="pill drift">rolled back</span>' in gone
    assert f"when version 1 came back. {said}" in gone
    assert '<span class="pill drift">rolled back' not in client.get(f"{MODEL}/versions/1").text
    assert send(client, PROMOTE, expected="1", reason="It was mended").status_code == 303
    recorded(worker)
    assert '<span class="pill drift">rolled back' not in client.get(f"{MODEL}/versions").text
    assert "Promoted on the page: It was mended." in client.get(f"{MODEL}/history").text


def test_a_roll_back_is_confirmed_and_recorded(client: TestClient, worker: Worker, promoted: Registry) -> None:
    assert f'href="{ROLL_BACK}"' in client.get(f"{MODEL}/versions/2").text
    page = client.get(ROLL_BACK).text
    assert "tickets@2 goes out of service, tickets@1 answers in its place again." in page
    answer = send(client, ROLL_BACK, page=ROLL_BACK, expected="2", target="1")
    assert (answer.status_code, answer.headers["Location"]) == (303, f"{MODEL}/versions/1")
    assert promoted.champion("tickets").version == "1"
    assert recorded(worker) == [("roll_back", "page")]
    assert client.get(ROLL_BACK).status_code == 409


@pytest.mark.parametrize("fields", [{}, {"expected": "1", "target": "1"}, {"expected": "2", "target": "9"}])
def test_a_roll_back_of_another_champion_is_refused(
    client: TestClient, promoted: Registry, fields: dict[str, str]
) -> None:
    answer = send(client, ROLL_BACK, page=ROLL_BACK, **fields)
    assert (answer.status_code, "nothing has changed" in answer.text) == (409, True)
    assert promoted.champion("tickets").version == "2"


def test_while_the_ledger_is_away_pages_change_nothing(client: TestClient, promoted: Registry, config: Config) -> None:
    token = form_token(client.get(ROLL_BACK).text)
    (config.home / "ledger.db").unlink(missing_ok=True)
    (config.home / "ledger.db").mkdir()
    forms: dict[str, dict[str, str]] = {
        "rollback": {"expected": "2", "target": "1"},
        "versions/1/promote": {"expected": "2"},
        "freeze": {"expected": "2"},
        "unfreeze": {},
        "resume": {},
        "accept": {"proposal": "1"},
        "decline": {"proposal": "1"},
    }
    for path, fields in forms.items():
        answer = client.post(f"{MODEL}/{path}", data={"form_token": token, **fields}, headers=ORIGIN)
        assert (answer.status_code, "retune rollback tickets" in answer.text) == (503, True), path
    assert client.get(ROLL_BACK).status_code == client.get(f"{MODEL}/versions/1/promote").status_code == 503
    assert promoted.champion("tickets").version == "2"
    assert freeze_of(promoted, "tickets", now="") is None


def test_a_ledger_that_takes_no_commit_is_away(
    client: TestClient, promoted: Registry, config: Config, ledger: Ledger
) -> None:
    propose(ledger, "retrain")
    token = form_token(client.get(ROLL_BACK).text)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    other = sqlite3.connect(config.home / "ledger.db")  # another process has the ledger open, so its log exists
    other.execute("SELECT * FROM alembic_version").fetchall()
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (LESS_THAN_A_PAGE, hard))
        for path, fields in {"rollback": {"target": "1"}, "freeze": {}}.items():
            data = {"form_token": token, "expected": "2", **fields}
            answer = client.post(f"{MODEL}/{path}", data=data, headers=ORIGIN, follow_redirects=False)
            assert (answer.status_code, "the ledger is away" in answer.text) == (503, True), path
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        other.close()
    assert promoted.champion("tickets").version == "2"
    assert freeze_of(promoted, "tickets", now="") is None


def test_a_frozen_champion_stays(client: TestClient, worker: Worker, two: Registry) -> None:
    fields = {"expected": "1", "until": "2033-12-24T18:00", "reason": "<sale>"}
    assert send(client, f"{MODEL}/freeze", **fields).status_code == 303
    page = client.get(MODEL).text
    assert "frozen until 24 Dec 2033, 18:00 UTC (&lt;sale&gt;), by this machine" in page
    page = client.get(PROMOTE).text
    assert ("End the freeze first" in page, "Put it in service</button>" in page) == (True, False)
    assert '<input type="hidden" name="from" value="promote">' in page
    answer = send(client, PROMOTE, page=PROMOTE, expected="1")
    assert (answer.status_code, f'href="{MODEL}">End the freeze on the model' in answer.text) == (409, True)
    assert two.champion("tickets").version == "1"
    answer = send(client, f"{MODEL}/unfreeze", **{"from": "versions"})
    assert answer.headers["Location"] == f"{MODEL}/versions"
    assert send(client, PROMOTE, page=PROMOTE, expected="1").status_code == 303
    assert recorded(worker) == [("promote", "page"), ("unfreeze", "page"), ("freeze", "page")]


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"expected": "1", "until": "yesterday"}, 400),
        ({"expected": "1", "until": "2020-01-01T00:00"}, 400),
        ({"expected": "1", "until": "9" * 99}, 400),
        ({"expected": "1", "reason": "x" * 501}, 400),
        ({"expected": "2"}, 409),
        ({}, 409),
    ],
)
def test_a_wrong_freeze_is_refused(client: TestClient, registry: Registry, fields: dict[str, str], status: int) -> None:
    assert send(client, f"{MODEL}/freeze", **fields).status_code == status
    assert freeze_of(registry, "tickets", now="") is None


def test_a_reason_with_nul_is_refused_in_words(client: TestClient, registry: Registry) -> None:
    answer = send(client, f"{MODEL}/freeze", expected="1", reason="a\0b")
    assert (answer.status_code, "The reason has a NUL character." in answer.text) == (400, True)
    assert freeze_of(registry, "tickets", now="") is None


def test_the_open_proposal_is_accepted_once(client: TestClient, worker: Worker, ledger: Ledger) -> None:
    number = propose(ledger, "retrain")
    ledger.record_decision("tickets", Decision("retrain", "Drift."), check_id=None)
    page = client.get(MODEL).text
    assert "Retrain. It &lt;drifted&gt;." in page
    assert '<button class="prompt">Accept: retrain</button>' in page
    assert "Retrain anyway" in page
    for _ in range(2):
        answer = send(client, f"{MODEL}/accept", proposal=str(number))
        assert (answer.status_code, answer.headers["Location"]) == (303, MODEL)
    assert [job.kind for job in worker.home.jobs.latest("tickets")] == ["retrain"]
    assert "accepted the proposal: job 1." in client.get(MODEL).text
    assert ("accept", "page") in recorded(worker)


def test_the_open_proposal_is_declined(client: TestClient, worker: Worker, ledger: Ledger) -> None:
    for role in ("monitor", "worker"):
        Heartbeats(ledger.database).begin(role, this_worker())
    number = propose(ledger, "retrain")
    ledger.record_decision("tickets", Decision("retrain", "Drift."), check_id=None)
    assert "<button>Decline: retrain</button>" in client.get(MODEL).text
    answer = send(client, f"{MODEL}/decline", proposal=str(number), reason="<later>")
    assert (answer.status_code, answer.headers["Location"]) == (303, MODEL)
    assert ledger.proposals.open("tickets") is None
    assert worker.home.jobs.latest("tickets") == []
    assert ("decline", "page") in recorded(worker)
    page = client.get(MODEL).text
    assert "declined to retrain: &lt;later&gt;. The loop goes on after 10 further labelled texts" in page
    assert '<button class="prompt">Retrain now' not in page
    assert "declined to retrain: &lt;later&gt;." in client.get("/dashboard").text
    assert "<button>Let the loop try again</button>" in page
    assert send(client, f"{MODEL}/resume", reason="").status_code == 303
    page = client.get(MODEL).text
    assert "let the loop try again: the next round of the monitor decides." in page
    assert '<button class="prompt">Retrain now' not in page
    ledger.loop_steps.record("tickets", "1", Done("held", "retrain", "declined", "ann declined it: <later>."))
    assert "ann declined it: &lt;later&gt;." in client.get(MODEL).text


def test_a_version_that_went_out_of_service_holds_the_loop_at_once(
    client: TestClient, worker: Worker, promoted: Registry, ledger: Ledger
) -> None:
    for role in ("monitor", "worker"):
        Heartbeats(ledger.database).begin(role, this_worker())
    ledger.record_decision("tickets", Decision("retrain", "Drift."), check_id=None)
    propose(ledger, "retrain", "2")
    assert send(client, ROLL_BACK, page=ROLL_BACK, expected="2", target="1").status_code == 303
    recorded(worker)
    page = client.get(MODEL).text
    told = "tickets@2 went out of service: Rolled back on the page. The loop goes on after 10 further labelled texts"
    assert told in page
    assert '<button class="prompt">Retrain now' not in page
    assert "Accept: retrain" not in page
    assert "A proposal waits" not in client.get("/dashboard").text
    back = '<a href="/dashboard/tickets/versions/2/promote">put tickets@2 in service again…</a>'
    assert back in page
    assert told in client.get("/dashboard").text
    ledger.standings.record("tickets", "1", Accuracy(measured(15, 40), 0.95, 0.01, is_lost=True))
    first = client.get("/dashboard").text
    assert ("Or put tickets@2 in service again." in first, "asks you" in first) == (True, True)
    assert send(client, f"{MODEL}/resume", reason="").status_code == 303
    page = client.get(MODEL).text
    assert (told in page, back in page) == (False, True)


@pytest.mark.parametrize("written", ["", "0", "x", "²", "-1", "9" * 30])
def test_a_proposal_that_is_none_is_not_accepted(client: TestClient, ledger: Ledger, written: str) -> None:
    propose(ledger, "retrain")
    assert send(client, f"{MODEL}/accept", proposal=written).status_code == 400


def test_a_proposal_that_ended_is_not_accepted(client: TestClient, ledger: Ledger) -> None:
    number = propose(ledger, "retrain")
    ledger.proposals.supersede("tickets")
    answer = send(client, f"{MODEL}/accept", proposal=str(number))
    assert (answer.status_code, "is not open" in answer.text) == (409, True)


def test_a_proposed_roll_back_is_confirmed_and_accepted(
    client: TestClient, worker: Worker, promoted: Registry, ledger: Ledger
) -> None:
    number = propose(ledger, "roll back", "2")
    assert f'<a class="button prompt" href="{ROLL_BACK}">Accept: roll back…</a>' in client.get(MODEL).text
    page = client.get(ROLL_BACK).text
    assert "The loop proposes it: It &lt;drifted&gt;." in page
    assert f'action="{MODEL}/accept"' in page
    assert send(client, f"{MODEL}/accept", page=ROLL_BACK, proposal=str(number)).status_code == 303
    assert promoted.champion("tickets").version == "1"
    assert ledger.proposals.open("tickets") is None


def test_a_freeze_is_ended_where_it_is_in_the_way(client: TestClient, promoted: Registry, ledger: Ledger) -> None:
    for role in ("monitor", "worker"):
        Heartbeats(ledger.database).begin(role, this_worker())
    propose(ledger, "retrain", "2")
    ledger.record_decision("tickets", Decision("retrain", "Drift."), check_id=None)
    assert send(client, f"{MODEL}/freeze", expected="2", reason="").status_code == 303
    page = client.get(MODEL).text
    assert ("Accept: retrain" in page, "It can be accepted when the freeze has ended." in page) == (False, True)
    assert "end the freeze first." in client.get("/dashboard").text
    assert "Roll back to tickets@1</button>" not in client.get(ROLL_BACK).text
    ledger.proposals.supersede("tickets")
    assert "Retrain now" not in client.get(MODEL).text
    assert "The champion is frozen until a person ends it: nothing replaces it" in client.get("/dashboard").text
    ended = send(client, f"{MODEL}/unfreeze", **{"from": "rollback", "version": "1"})
    assert ended.headers["Location"] == ROLL_BACK
    ended = send(client, f"{MODEL}/unfreeze", **{"from": "promote", "version": "1/../x"})
    assert ended.headers["Location"] == f"{MODEL}/versions/1%2F..%2Fx/promote"


def test_the_decision_shows_the_button_that_it_prompts(client: TestClient, promoted: Registry, ledger: Ledger) -> None:
    ledger.record_decision("tickets", Decision("roll back", "It is worse."), check_id=None)
    assert f'<a class="button prompt" href="{ROLL_BACK}">Roll back…</a>' in client.get(MODEL).text
    ledger.record_decision("tickets", Decision("retrain", "It drifted."), check_id=None)
    page = client.get(MODEL).text
    assert '<button class="prompt">Retrain now</button>' in page
    assert ROLL_BACK not in page


def test_a_stopped_loop_may_try_again(client: TestClient, worker: Worker, ledger: Ledger) -> None:
    assert "try again" not in client.get(MODEL).text
    ledger.loop_steps.record("tickets", "1", Done("held", "retrain", "stopped", "The last 3 <failed>."))
    assert "The last 3 &lt;failed&gt;." in client.get(MODEL).text
    assert send(client, f"{MODEL}/resume", reason="The disk is larger.").status_code == 303
    assert ledger.loop_steps.latest("tickets")[0].reason == "The disk is larger."
    assert "<button>Let the loop try again" not in client.get(MODEL).text
    assert recorded(worker) == [("resume", "page")]


@pytest.mark.parametrize("path", ["rollback", "freeze", "unfreeze", "resume", "decline", "versions/1/promote"])
def test_a_form_without_its_token_changes_nothing(client: TestClient, promoted: Registry, path: str) -> None:
    fields: dict[str, Any] = {"expected": "2", "target": "1", "proposal": "1"}
    assert client.post(f"{MODEL}/{path}", data=fields, headers=ORIGIN).status_code == 403
    assert send(client, f"/dashboard/none/{path}", **fields).status_code == 404
    assert promoted.champion("tickets").version == "2"
