from __future__ import annotations

import asyncio
import secrets
import sqlite3
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from starlette.testclient import TestClient

from core.clock import earliest_id, sortable_id, utc_now
from core.config import Config, LedgerConfig
from core.feedback import GivenLabel
from core.ledger import Ledger, open_ledger
from core.records import PredictionRecord
from core.registry import Registry
from service.recording.feedback import MAX_WAITING_REQUESTS, PENDING_S
from service.refusals import PredictionsPending
from service.worker import Worker
from tests.service.conftest import flush, local_client
from tests.tiny import tiny_rows

TEXTS = [row.text for row in tiny_rows(3, seed=6)]


def predicted_ids(client: TestClient) -> list[str]:
    return [item["id"] for item in client.post("/predict", json={"texts": TEXTS}).json()["predictions"]]


def test_feedback_right_after_the_answer_is_stored(client: TestClient, config: Config) -> None:
    items = [{"prediction_id": key, "label": "billing", "source": "agent"} for key in predicted_ids(client)]
    answer = client.post("/feedback", json={"feedback": items})
    assert (answer.status_code, answer.json()) == (
        200,
        {"accepted": 3, "cannot_tell": 0, "unknown": [], "doubtful": []},
    )
    labelled = open_ledger(config).labelled("tickets")
    assert [(row.label, row.source) for row in labelled] == [("billing", "agent")] * 3


def test_repeated_feedback_is_one_row(client: TestClient, config: Config) -> None:
    items = [{"prediction_id": predicted_ids(client)[0], "label": "bug"}] * 2
    for _ in range(2):
        assert client.post("/feedback", json={"feedback": items}).json()["accepted"] == 2
    assert len(open_ledger(config).labelled("tickets")) == 1


def test_unknown_ids_are_listed_and_known_ones_stored(client: TestClient) -> None:
    known = predicted_ids(client)[0]
    items = [{"prediction_id": key, "label": "bug"} for key in (known, "nobody", "0" * 32)]
    answer = client.post("/feedback", json={"feedback": items})
    assert (answer.status_code, answer.json()) == (
        200,
        {"accepted": 1, "cannot_tell": 0, "unknown": ["nobody", "0" * 32], "doubtful": []},
    )


def test_that_a_label_cannot_be_told_is_stored_and_is_no_label(client: TestClient, config: Config) -> None:
    items = [{"prediction_id": key, "cannot_tell": True} for key in predicted_ids(client)]
    answer = client.post("/feedback", json={"feedback": [{**items[0], "label": None}, *items[1:]]})
    assert (answer.status_code, answer.json()) == (
        200,
        {"accepted": 0, "cannot_tell": 3, "unknown": [], "doubtful": []},
    )
    ledger = open_ledger(config)
    assert (ledger.labelled("tickets"), len(ledger.untold.keys("tickets"))) == ([], 3)


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ({"cannot_tell": True, "label": "bug"}, "has a label and cannot_tell"),
        ({"cannot_tell": "yes"}, "'cannot_tell' of item 1 of 'feedback' is a string"),
        ({"cannot_tell": False}, "'label' of item 1 of 'feedback' is missing"),
    ],
)
def test_a_label_and_that_it_cannot_be_told_exclude_each_other(
    client: TestClient, said: dict[str, object], problem: str
) -> None:
    answer = client.post("/feedback", json={"feedback": [{"prediction_id": "0" * 32, **said}]})
    assert answer.status_code == 400
    assert problem in answer.json()["error"]["message"]


def test_texts_that_are_answered_together_are_labelled_one_by_one(client: TestClient, config: Config) -> None:
    together = {"prediction_ids": predicted_ids(client), "label": "billing", "source": "agent"}
    assert client.post("/feedback", json={"feedback": [together]}).json()["accepted"] == 3
    labelled = open_ledger(config).labelled("tickets")
    assert [(row.label, row.source) for row in labelled] == [("billing", "agent")] * 3
    untold = {"prediction_ids": [row.prediction_id for row in labelled[:2]], "cannot_tell": True, "source": "agent"}
    assert client.post("/feedback", json={"feedback": [untold]}).json()["cannot_tell"] == 2
    assert len(open_ledger(config).labelled("tickets")) == 1


def test_a_refused_label_is_named_by_its_item(client: TestClient) -> None:
    keys = predicted_ids(client)
    items = [{"prediction_ids": keys[:2], "label": "bug"}, {"prediction_id": keys[2], "label": ["bug", "billing"]}]
    answer = client.post("/feedback", json={"feedback": items})
    assert answer.status_code == 400
    assert answer.json()["error"]["message"].startswith("Item 2 of 'feedback'")


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ({"prediction_ids": []}, "has 0 items. Send a list of 1 to 16 ids"),
        ({"prediction_ids": "a"}, "is a string. Send a list of 1 to 16 ids"),
        ({"prediction_ids": ["a", 1]}, "'prediction_ids' of item 1 of 'feedback' is a number"),
        ({"prediction_ids": ["a"], "prediction_id": "a"}, "has prediction_id and prediction_ids"),
    ],
)
def test_ids_that_are_no_group_are_refused(client: TestClient, said: dict[str, object], problem: str) -> None:
    answer = client.post("/feedback", json={"feedback": [{"label": "bug", **said}]})
    assert answer.status_code == 400
    assert problem in answer.json()["error"]["message"]


def test_predictions_are_limited_however_they_are_grouped(client: TestClient, config: Config) -> None:
    most = config.service.max_items
    items = [{"prediction_ids": ["a"] * 16, "label": "bug"}] * (most // 16 + 1)
    answer = client.post("/feedback", json={"feedback": items})
    assert answer.status_code == 400
    assert f"Send at most {most} in one request" in answer.json()["error"]["message"]


def test_feedback_with_only_unknown_ids_is_404(client: TestClient) -> None:
    answer = client.post("/feedback", json={"feedback": [{"prediction_id": "nobody", "label": "bug"}]})
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "unknown_prediction")


@pytest.mark.parametrize("ahead_s", [-300, -100, 100, 300])
def test_a_prediction_that_a_replica_with_another_clock_has_not_written_is_asked_for_again(
    client: TestClient, config: Config, ahead_s: int
) -> None:
    known, late = predicted_ids(client)[0], _id_made(ahead_s)
    items = [{"prediction_id": key, "label": "bug"} for key in (known, late)]
    answer = client.post("/feedback", json={"feedback": items})
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "prediction_pending")
    assert "Retry-After" in answer.headers
    ledger = open_ledger(config)
    assert len(ledger.labelled("tickets")) == 1
    vector = np.zeros(2, np.float32)
    ledger.record_predictions([PredictionRecord(late, "tickets", "1", utc_now(), "a", "bug", 0.9, 3, False, vector)])
    answer = client.post("/feedback", json={"feedback": items})
    assert answer.json() == {"accepted": 2, "cannot_tell": 0, "unknown": [], "doubtful": []}
    assert len(ledger.labelled("tickets")) == 2


def test_an_old_id_that_is_not_in_the_ledger_is_unknown(client: TestClient) -> None:
    item = {"prediction_id": _id_made(-PENDING_S - 60), "label": "bug"}
    answer = client.post("/feedback", json={"feedback": [item]})
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "unknown_prediction")


def _id_made(ahead_s: float) -> str:
    return earliest_id(time.time() + ahead_s) + secrets.token_hex(8)


def test_feedback_waits_for_a_prediction_that_another_worker_is_writing(config: Config, registry: Registry) -> None:
    key = sortable_id()
    vector = np.zeros(2, np.float32)
    record = PredictionRecord(key, "tickets", "1", utc_now(), "a text", "bug", 0.9, 3, False, vector)
    worker = Worker(config.model_copy(update={"ledger": LedgerConfig(flush_s=10)}))
    worker.start()
    other = threading.Timer(0.2, open_ledger(config).record_predictions, args=([record],))
    other.start()
    answer = local_client(worker).post("/feedback", json={"feedback": [{"prediction_id": key, "label": "bug"}]})
    other.join()
    worker.close()
    assert answer.json() == {"accepted": 1, "cannot_tell": 0, "unknown": [], "doubtful": []}


def test_feedback_waits_while_the_ledger_is_locked(client: TestClient, config: Config) -> None:
    key = predicted_ids(client)[0]
    with open_ledger(config).database.write():
        pass  # creates it
    lock = sqlite3.connect(config.home / "ledger.db", isolation_level=None, check_same_thread=False)
    lock.execute("BEGIN IMMEDIATE")
    timer = threading.Timer(0.3, lambda: lock.execute("ROLLBACK"))
    timer.start()
    answer = client.post("/feedback", json={"feedback": [{"prediction_id": key, "label": "bug"}]})
    timer.join()
    lock.close()
    assert answer.json() == {"accepted": 1, "cannot_tell": 0, "unknown": [], "doubtful": []}


def test_feedback_is_503_and_predictions_go_on_with_a_broken_ledger(client: TestClient, config: Config) -> None:
    Path(config.home / "ledger.db").write_bytes(b"this is no database" * 100)
    assert client.post("/predict", json={"texts": TEXTS}).status_code == 200
    answer = client.post("/feedback", json={"feedback": [{"prediction_id": "a", "label": "bug"}]})
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "ledger_unavailable")
    assert "Retry-After" in answer.headers
    assert str(config.home) not in answer.text


def test_requests_with_unknown_ids_do_not_block_others(config: Config, registry: Registry) -> None:
    worker = Worker(config.model_copy(update={"ledger": LedgerConfig(flush_s=30)}))
    worker.start()
    key = predicted_ids(local_client(worker))[0]
    assert flush(worker.recorder)

    async def ask() -> tuple[int, int]:
        forged = [
            asyncio.create_task(worker.feedback.store([[GivenLabel(sortable_id(), "bug", "")]]))
            for _ in range(MAX_WAITING_REQUESTS + 5)
        ]
        await asyncio.sleep(0)
        stored = await worker.feedback.store([[GivenLabel(key, "bug", "")]])
        # Only `MAX_WAITING_REQUESTS` wait for unknown predictions; the others are refused at once.
        while sum(task.done() for task in forged) < 5:
            await asyncio.sleep(0.01)
        done = [task for task in forged if task.done()]
        assert all(isinstance(task.exception(), PredictionsPending) for task in done)
        for task in forged:
            task.cancel()
        await asyncio.wait(forged)
        return stored.accepted, len(done)

    assert asyncio.run(ask()) == (1, 5)
    worker.close()


def test_a_label_of_a_just_erased_prediction_is_not_acknowledged(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    [known] = predicted_ids(local_client(worker))[:1]
    flush(worker.recorder)
    monkeypatch.setattr(Ledger, "models_of", lambda *_, **__: {known: "tickets", "erased": "tickets"})
    stored = asyncio.run(worker.feedback.store([[GivenLabel(key, "bug", "") for key in ("erased", known)]]))
    assert (stored.accepted, stored.unknown) == (1, ["erased"])


def test_a_locked_ledger_is_503_before_the_request_times_out(config: Config, registry: Registry) -> None:
    worker = Worker(config.model_copy(update={"service": config.service.model_copy(update={"timeout_s": 2.0})}))
    worker.start()
    client = local_client(worker)
    key = predicted_ids(client)[0]
    flush(worker.recorder)
    lock = sqlite3.connect(config.home / "ledger.db", isolation_level=None)
    lock.execute("BEGIN IMMEDIATE")
    answer = client.post("/feedback", json={"feedback": [{"prediction_id": key, "label": "bug"}]})
    lock.close()
    worker.close()
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "ledger_unavailable")
