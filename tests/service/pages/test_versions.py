from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from starlette.testclient import TestClient

from core.audit import Audit
from core.clock import utc_now
from core.ledger import Ledger
from core.records import (
    Comparison,
    Differing,
    Disagreements,
    GateAnswer,
    GateRecord,
    GateVerdict,
    PredictionRecord,
    TrainingSummary,
)
from core.registry import Registry
from service.worker import Worker
from tests.service.pages.forms import send

LIST = "/dashboard/tickets/versions"
PAGE = f"{LIST}/2"


@pytest.fixture
def ledger(worker: Worker) -> Ledger:
    return worker.home.ledger


@pytest.fixture
def two(registry: Registry, second_package: Path) -> Registry:
    """Version 1 is in service, version 2 is not."""
    registry.add(second_package, "tickets")
    return registry


def predict(ledger: Ledger, *texts: str) -> list[str]:
    keys = [f"{number:032x}" for number in range(len(texts))]
    vector = np.zeros(4, dtype=np.float32)
    ledger.record_predictions(
        [
            PredictionRecord(key, "tickets", "1", utc_now(), text, "bug", 0.9, 3, False, vector)
            for key, text in zip(keys, texts, strict=True)
        ]
    )
    return keys


def judge(
    ledger: Ledger, answer: GateAnswer = "hold", *, ids: list[str] | None = None, reason: str = "May be chance."
) -> None:
    differing = [Differing(key, "bug", "billing") for key in ids or []]
    fresh = Comparison(40, 0.75, 0.85, 7, 3, 0.17, {"how_to": [9, 8, 2]})
    verdict = GateVerdict(answer, reason, fresh, Comparison(), 12, Disagreements(90, differing, 7, 3))
    training = TrainingSummary(200, ["chat"], {"rare": 1}, "head", "It was best.", [], {"seed": [7, 0]})
    gate = GateRecord(1, verdict, training, 65.0)
    ledger.record_promotion("tickets", "2", previous="1", promoted=answer == "promote", reason=reason, gate=gate)


def promote(client: TestClient, **fields: str) -> tuple[int, str]:
    answer = send(client, f"{PAGE}/promote", page=f"{PAGE}/promote", **fields)
    return answer.status_code, answer.text


def wait(worker: Worker) -> None:
    """Until the changes of the champion are recorded."""
    worker.promotion_executor.submit(int).result(timeout=10)


def test_the_list_shows_what_became_of_each_version(client: TestClient, two: Registry, ledger: Ledger) -> None:
    judge(ledger)
    page = client.get(LIST).text
    assert page.index("Version 2") < page.index("Version 1")
    assert '<span class="pill ok">champion</span>' in page
    assert "gate: hold" in page
    assert "Gate, against version 1: May be chance." in page
    accuracy = re.search(r"Accuracy at export</dt><dd>([0-9.]+ % \([0-9.]+ % to [0-9.]+ %\))", page)
    assert accuracy is not None
    assert "features, 90 rows, 3 labels" in page


def test_a_version_is_shown_beside_the_champion(client: TestClient, two: Registry, ledger: Ledger) -> None:
    judge(ledger)
    page = client.get(PAGE).text
    assert "beside tickets@1" in page
    assert "About 12 more labels would settle it." in page
    assert "of 9 rows 8 were right and 2 are" in page
    assert "Set aside, because they have too few rows: <bdi>rare</bdi> (1)." in page
    assert "<code>seed</code> 7 → 0" in page
    assert client.get("/dashboard/tickets/versions/1?against=2").status_code == 200


def test_a_promotion_is_confirmed_and_recorded(
    client: TestClient, worker: Worker, two: Registry, ledger: Ledger
) -> None:
    page = client.get(f"{PAGE}/promote").text
    assert "tickets@1 goes out of service, tickets@2 answers in its place." in page
    assert promote(client, expected="1")[0] == 303
    assert two.champion("tickets").version == "2"
    wait(worker)
    (record,) = ledger.promotions("tickets")
    assert (record.version, record.reason, record.forced) == ("2", "Promoted on the page.", False)
    (entry,) = Audit(ledger.database).latest("tickets")
    assert (entry.action, entry.via, entry.facts) == ("promote", "page", {"version": "2", "before": "1"})
