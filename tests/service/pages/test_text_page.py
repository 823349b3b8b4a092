from __future__ import annotations

import numpy as np
import pytest
from starlette.testclient import TestClient

from core.api_keys import add_key
from core.clock import utc_now
from core.records import FeedbackRecord, PredictionRecord, Wanted
from service.pages.text_page import pieces
from service.worker import Worker
from tests.service.pages.test_shell import log_in

TEXT = "please <b>refund</b> my invoice today"


@pytest.fixture
def stored(worker: Worker) -> str:
    vector = np.zeros(4, np.float32)
    records = [
        PredictionRecord(key, "tickets", "1", utc_now(), text, "billing", 0.8, 6, False, vector)
        for key, text in (("p1", TEXT), ("p2", "not asked"), ("p3", ""))
    ]
    worker.home.ledger.record_predictions(records)
    worker.home.ledger.request_labels("tickets", [Wanted("p1", "learn")], check_id=None)
    return "/dashboard/tickets/texts"


def test_the_words_of_a_text_are_marked(client: TestClient, stored: str) -> None:
    page = client.get(f"{stored}/p1").text
    assert "<b>" not in page
    assert '<mark class="for w5"' in page
    assert "The champion answers" in page


def test_a_text_that_is_not_kept_is_said_to_be(client: TestClient, stored: str) -> None:
    assert "The text is not kept" in client.get(f"{stored}/p3").text


@pytest.mark.parametrize("given", ["nope", "<script>", "x" * 999])
def test_an_unknown_text_is_404(client: TestClient, stored: str, given: str) -> None:
    answer = client.get(f"{stored}/{given}")
    assert answer.status_code == 404
    assert "<script>alert" not in answer.text


def test_the_page_says_who_labelled_a_text_and_leads_back(client: TestClient, worker: Worker, stored: str) -> None:
    page = client.get(f"{stored}/p1").text
    assert "No person has labelled it." in page
    assert "No labelled text is compared with it yet" in page
    assert '<a href="/dashboard/tickets/label" aria-current="page">Label</a>' in page
    worker.home.ledger.record_feedback([FeedbackRecord("p1", "<bug>", "ann")])
    assert '&lt;bug&gt;</span> <span class="small soft">ann, ' in client.get(f"{stored}/p1").text


def test_who_only_labels_sees_the_texts_that_are_asked_for(client: TestClient, worker: Worker, stored: str) -> None:
    add_key(worker.config.keys_file, "boss", ["admin"])
    _, credential = add_key(worker.config.keys_file, "ben", ["label"])
    worker.home.ledger.record_feedback([FeedbackRecord("p1", "<bug>", "ann")])
    log_in(client, credential)
    page = client.get(f"{stored}/p1")
    assert (page.status_code, "&lt;bug&gt;" in page.text) == (200, False)
    assert client.get(f"{stored}/p2").status_code == 404


def test_pieces_are_the_whole_text() -> None:
    parts = [{"start": 0, "end": 6, "weight": -0.1}, {"start": 10, "end": 16, "weight": 0.4}]
    found = pieces(TEXT, parts)
    assert "".join(piece.text for piece in found) == TEXT
    assert [piece.strength for piece in found] == [-1, 0, 5, 0]
