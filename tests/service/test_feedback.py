from __future__ import annotations

import sqlite3
import threading
import time
from pathlib import Path

from starlette.testclient import TestClient

from core.clock import sortable_id
from core.config import Config
from core.ledger import open_ledger
from tests.tiny import tiny_rows

TEXTS = [row.text for row in tiny_rows(3, seed=6)]


def predicted_ids(client: TestClient) -> list[str]:
    return [item["id"] for item in client.post("/predict", json={"texts": TEXTS}).json()["predictions"]]


def test_feedback_right_after_the_answer_is_stored(client: TestClient, config: Config) -> None:
    items = [{"prediction_id": key, "label": "billing", "source": "agent"} for key in predicted_ids(client)]
    answer = client.post("/feedback", json={"feedback": items})
    assert (answer.status_code, answer.json()) == (200, {"accepted": 3, "unknown": []})
    labelled = open_ledger(config).labelled("tickets")
    assert [(row.label, row.source) for row in labelled] == [("billing", "agent")] * 3


def test_the_same_feedback_twice_is_one_row(client: TestClient, config: Config) -> None:
    items = [{"prediction_id": predicted_ids(client)[0], "label": "bug"}] * 2
    for _ in range(2):
        assert client.post("/feedback", json={"feedback": items}).json()["accepted"] == 2
    assert len(open_ledger(config).labelled("tickets")) == 1


def test_unknown_ids_are_listed_and_the_known_stored(client: TestClient) -> None:
    known = predicted_ids(client)[0]
    items = [{"prediction_id": key, "label": "bug"} for key in (known, "nobody", "0" * 32)]
    answer = client.post("/feedback", json={"feedback": items})
    assert (answer.status_code, answer.json()) == (200, {"accepted": 1, "unknown": ["nobody", "0" * 32]})


def test_only_unknown_ids_are_404(client: TestClient) -> None:
    answer = client.post("/feedback", json={"feedback": [{"prediction_id": "nobody", "label": "bug"}]})
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "unknown_prediction")


def test_a_fresh_id_of_another_worker_is_waited_for_and_an_old_one_is_not(client: TestClient) -> None:
    def seconds(key: str) -> float:
        started = time.monotonic()
        client.post("/feedback", json={"feedback": [{"prediction_id": key, "label": "bug"}]})
        return time.monotonic() - started

    client.post("/predict", json={"texts": TEXTS})
    assert seconds("0" * 32) < 0.1 <= seconds(sortable_id()) < 2


def test_feedback_waits_while_the_ledger_is_locked(client: TestClient, config: Config) -> None:
    key = predicted_ids(client)[0]
    open_ledger(config)
    lock = sqlite3.connect(config.home / "ledger.db", isolation_level=None, check_same_thread=False)
    lock.execute("BEGIN IMMEDIATE")
    timer = threading.Timer(0.3, lambda: lock.execute("ROLLBACK"))
    timer.start()
    answer = client.post("/feedback", json={"feedback": [{"prediction_id": key, "label": "bug"}]})
    timer.join()
    lock.close()
    assert answer.json() == {"accepted": 1, "unknown": []}


def test_a_broken_ledger_stores_nothing_says_so_and_answers_go_on(client: TestClient, config: Config) -> None:
    Path(config.home / "ledger.db").write_bytes(b"this is no database" * 100)
    assert client.post("/predict", json={"texts": TEXTS}).status_code == 200
    answer = client.post("/feedback", json={"feedback": [{"prediction_id": "a", "label": "bug"}]})
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "ledger_unavailable")
    assert "Retry-After" in answer.headers
    assert str(config.home) not in answer.text
