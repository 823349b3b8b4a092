"""Server-sent events of a real server."""

from __future__ import annotations

import httpx
import pytest

PATH = "/admin/models/tickets/events"


def test_a_client_follows_a_retrain(server: str) -> None:
    with httpx.stream("GET", f"{server}{PATH}", timeout=20) as answer:
        assert (answer.status_code, answer.headers["content-type"].partition(";")[0]) == (200, "text/event-stream")
        lines = answer.iter_lines()
        assert next(lines) == "retry: 2000"
        queued = httpx.post(f"{server}/admin/models/tickets/retrain")
        assert queued.status_code == 202, queued.text
        job = queued.json()["job"]
        data = next(line for line in lines if line.startswith("data: ") and f'"job":{job},' in line)
        assert '"status":"queued"' in data
    httpx.post(f"{server}/admin/jobs/{job}/cancel")


def test_other_requests_are_answered_beside_a_stream(server: str) -> None:
    with httpx.stream("GET", f"{server}/admin/events", timeout=20) as answer:
        assert next(answer.iter_lines()) == "retry: 2000"
        assert httpx.post(f"{server}/predict", json={"texts": ["my invoice"]}).status_code == 200


@pytest.mark.parametrize(("path", "status"), [("/admin/models/nope/events", 404), (f"{PATH}?since=1", 400)])
def test_wrong_requests_are_refused_before_a_stream_begins(server: str, path: str, status: int) -> None:
    answer = httpx.get(f"{server}{path}", timeout=5)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/json")
    assert httpx.post(f"{server}{PATH}", timeout=5).status_code == 405
