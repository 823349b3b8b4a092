from __future__ import annotations

from pathlib import Path

import pytest
from starlette.testclient import TestClient

from core.audit.entries import Audit
from core.records import Action
from core.registry import Registry
from service.worker import Worker
from tests.service.http.test_openapi import problem_with

MODEL = "/admin/models/tickets"


def propose(worker: Worker, action: Action = "retrain") -> int:
    proposed = worker.home.ledger.proposals.propose(
        "tickets", "1", action=action, waiting=None, reason="Drift.", decision_id=None
    )
    return proposed.id


def actions(worker: Worker) -> list[str]:
    return [entry.action for entry in Audit(worker.home.ledger.database).latest("tickets")]


def test_one_click_starts_what_is_proposed(client: TestClient, worker: Worker) -> None:
    number = propose(worker)
    assert client.get(f"{MODEL}/loop").json()["proposal"]["id"] == number
    first = client.post(f"{MODEL}/accept")
    assert (first.status_code, first.json()["action"], first.json()["job"]["status"]) == (200, "retrain", "queued")
    again = client.post(f"{MODEL}/accept", json={"proposal": number})
    assert again.json()["job"]["job"] == first.json()["job"]["job"]
    refused = client.post(f"{MODEL}/accept")
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "nothing_proposed")
    assert client.get(f"{MODEL}/loop").json()["proposal"] is None
    entry = Audit(worker.home.ledger.database).latest("tickets")[-1]
    assert (entry.action, entry.facts["proposal"], entry.facts["job"]) == ("accept", number, 1)


def test_a_proposal_is_declined_once(client: TestClient, worker: Worker) -> None:
    number = propose(worker)
    answer = client.post(f"{MODEL}/decline", json={"proposal": number, "reason": "later"})
    assert answer.json() == {"model": "tickets", "proposal": number, "action": "retrain"}
    assert client.post(f"{MODEL}/decline", json={"proposal": number}).status_code == 200
    for order in ("accept", "decline"):
        refused = client.post(f"{MODEL}/{order}")
        assert (refused.status_code, refused.json()["error"]["code"]) == (409, "nothing_proposed")
    assert client.get(f"{MODEL}/loop").json()["proposals"][0]["status"] == "declined"
    assert "decline" in actions(worker)


def test_a_frozen_champion_stays(client: TestClient, worker: Worker, registry: Registry, second_package: Path) -> None:
    registry.add(second_package, "tickets")
    frozen = client.post(f"{MODEL}/freeze", json={"until": "3d", "reason": "Christmas"}).json()
    assert (frozen["champion"], frozen["reason"]) == ("1", "Christmas")
    refused = client.post(f"{MODEL}/promote", json={"version": "2"})
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "frozen")
    assert client.get(f"{MODEL}/loop").json()["frozen"]["by"] == "this machine"
    assert client.post(f"{MODEL}/unfreeze").json() == {"model": "tickets", "was_frozen": True}
    assert client.post(f"{MODEL}/unfreeze").json()["was_frozen"] is False
    assert client.post(f"{MODEL}/promote", json={"version": "2"}).status_code == 200
    worker.promotion_executor.shutdown()
    assert actions(worker) == ["promote", "unfreeze", "freeze"]


def test_the_loop_may_try_again(client: TestClient, worker: Worker) -> None:
    step = client.post(f"{MODEL}/resume", json={"reason": "mended"}).json()
    assert (step["did"], step["by"], step["reason"]) == ("resumed", "this machine", "mended")
    assert client.get(f"{MODEL}/loop").json()["steps"][0]["id"] == step["id"]


@pytest.mark.parametrize(
    ("order", "body"),
    [
        ("freeze", {"until": "yesterday"}),
        ("freeze", {"until": "2020-01-01"}),
        ("freeze", {"until": 3}),
        ("freeze", {"till": "3d"}),
        ("freeze", {"reason": "x" * 501}),
        ("accept", {"proposal": 0}),
        ("accept", {"proposal": "1"}),
        ("decline", {"reason": 1}),
        ("resume", {"reason": ["a"]}),
        ("unfreeze", {"now": True}),
    ],
)
def test_wrong_orders_are_refused(client: TestClient, order: str, body: dict[str, object]) -> None:
    assert client.post(f"{MODEL}/{order}", json=body).status_code == 400
    assert client.post(f"/admin/models/nope/{order}").status_code == 404


def test_answers_are_as_documented(client: TestClient, worker: Worker) -> None:
    propose(worker)
    spec = client.get("/openapi.json").json()
    orders = ("freeze", "unfreeze", "loop", "accept", "resume", "decline")
    for method, order in [("get" if order == "loop" else "post", order) for order in orders]:
        if order == "decline":
            propose(worker)
        answer = client.request(method, f"{MODEL}/{order}")
        described = spec["paths"][f"/admin/models/{{name}}/{order}"][method]["responses"]["200"]
        schema = described["content"]["application/json"]["schema"]
        assert answer.status_code == 200
        if order != "resume":  # its answer is open: it has more than is documented
            names = {**spec["components"]["schemas"], "LoopStep": {}}
            assert problem_with(answer.json(), schema, names) is None
