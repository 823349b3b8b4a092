from __future__ import annotations

import pytest
from starlette.testclient import TestClient

from core.api_keys import add_key
from service.access.sessions import COOKIE
from service.worker import Worker
from tests.service.pages.forms import ORIGIN, form_token, send


def log_in(client: TestClient, credential: str, **fields: str) -> str:
    """Where a browser is sent that logs in; its session is kept."""
    answer = client.post("/dashboard", data={"token": credential, **fields}, headers=ORIGIN, follow_redirects=False)
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


def test_a_form_without_its_token_changes_nothing(client: TestClient, worker: Worker) -> None:
    for fields in ({}, {"form_token": ""}, {"form_token": "0" * 64}):
        answer = client.post("/dashboard/tickets/retrain", data=fields, headers=ORIGIN)
        assert answer.status_code == 403
        assert "nothing was changed" in answer.text
    assert worker.home.jobs.latest("tickets") == []


def test_a_form_of_a_session_that_ended_is_not_taken(client: TestClient, worker: Worker) -> None:
    _, credential = add_key(worker.config.keys_file, "anna", ["admin"])
    log_in(client, credential)
    token = form_token(client.get("/dashboard/tickets").text)
    client.cookies.clear()
    answer = client.post("/dashboard/tickets/retrain", data={"form_token": token}, headers=ORIGIN)
    assert answer.status_code == 401
    assert "Your session has ended, so nothing was changed." in answer.text
    log_in(client, credential)
    answer = client.post("/dashboard/tickets/retrain", data={"form_token": "of another session"}, headers=ORIGIN)
    assert answer.status_code == 403
    assert worker.home.jobs.latest("tickets") == []


def test_who_logs_in_comes_back_to_the_page(client: TestClient, worker: Worker) -> None:
    _, credential = add_key(worker.config.keys_file, "anna", ["admin"])
    page = client.get("/dashboard/tickets?x=1").text
    assert 'name="next" value="/dashboard/tickets?x=1"' in page
    assert log_in(client, credential, next="/dashboard/tickets?x=1") == "/dashboard/tickets?x=1"
    assert "key anna" in client.get("/dashboard").text


@pytest.mark.parametrize(
    "goal", ["https://example.org", "//example.org", "/admin", "/dashboard.example.org", "x" * 999]
)
def test_nobody_is_sent_elsewhere_after_logging_in(client: TestClient, worker: Worker, goal: str) -> None:
    _, credential = add_key(worker.config.keys_file, "anna", ["admin"])
    assert log_in(client, credential, next=goal) == "/dashboard"


def test_a_browser_is_sent_to_the_form(client: TestClient, worker: Worker) -> None:
    add_key(worker.config.keys_file, "anna", ["admin"])
    answer = client.get("/dashboard/tickets?x=1", headers={"Sec-Fetch-Mode": "navigate"})
    assert answer.status_code == 200
    assert 'name="next" value="/dashboard/tickets?x=1"' in answer.text
    assert 'value="/dashboard"' in client.get("/dashboard/-/log-in?next=//a.org").text


def test_who_logs_out_has_no_session(client: TestClient, worker: Worker) -> None:
    _, credential = add_key(worker.config.keys_file, "anna", ["admin"])
    log_in(client, credential)
    assert send(client, "/dashboard/-/log-out").status_code == 303
    assert COOKIE not in client.cookies
    assert client.get("/dashboard").status_code == 401


def test_who_only_labels_sees_no_page_of_operators(client: TestClient, worker: Worker) -> None:
    add_key(worker.config.keys_file, "boss", ["admin"])
    _, credential = add_key(worker.config.keys_file, "ben", ["label"])
    log_in(client, credential)
    assert client.get("/dashboard/tickets").status_code == 403
    assert client.get("/dashboard/-/jobs").status_code == 403
    assert client.get("/dashboard/-/events").status_code == 403
    token = worker.access._sessions.form_token(client.cookies[COOKIE])
    answer = client.post("/dashboard/tickets/retrain", data={"form_token": token}, headers=ORIGIN)
    assert answer.status_code == 403
    assert worker.home.jobs.latest("tickets") == []


def test_a_key_that_may_neither_label_nor_operate_cannot_log_in(client: TestClient, worker: Worker) -> None:
    _, credential = add_key(worker.config.keys_file, "app", ["predict", "feedback"])
    answer = client.post("/dashboard", data={"token": credential}, headers=ORIGIN)
    assert answer.status_code == 401
    assert "Wrong token or key" in answer.text


def test_the_stylesheet_may_be_kept_for_ever(client: TestClient) -> None:
    page = client.get("/dashboard").text
    address = page.split('rel="stylesheet" href="')[1].split('"')[0]
    answer = client.get(address)
    assert answer.headers["Content-Type"].startswith("text/css")
    assert "immutable" in answer.headers["Cache-Control"]
    assert client.get("/dashboard/-/static/none.css").status_code == 404
    assert client.get("/dashboard/-/static/..%2Fshell.py").status_code == 404


def test_the_first_page_says_what_to_do_first(client: TestClient, worker: Worker) -> None:
    worker.home.jobs.enqueue("tickets", "retrain")
    page = client.get("/dashboard").text
    assert "Job 1 waits, and no worker runs." in page
    assert "<code>retune worker</code>" in page


def test_the_page_of_a_job_has_its_log(client: TestClient, worker: Worker) -> None:
    jobs = worker.home.jobs
    jobs.enqueue("tickets", "retrain")
    job = jobs.take("host/1/1")
    assert job is not None
    jobs.fail(job, "No <space> is left.")
    page = client.get("/dashboard/-/jobs/1").text
    assert "No &lt;space&gt; is left." in page
    assert 'href="/dashboard/-/jobs/1"' in client.get("/dashboard/-/jobs").text
    assert client.get("/dashboard/-/jobs/2").status_code == 404
    assert client.get("/dashboard/-/jobs/²").status_code == 404


@pytest.mark.parametrize(
    ("method", "body", "status", "words"),
    [
        ("POST", b"a" * 20_000, 413, "larger than 10000 bytes"),
        ("GET", b"", 405, "Use POST."),
    ],
)
def test_what_is_refused_before_its_page_is_a_page(
    client: TestClient, method: str, body: bytes, status: int, words: str
) -> None:
    headers = {**ORIGIN, "Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Mode": "navigate"}
    path = "/dashboard/tickets/retrain"
    answer = client.request(method, path, content=body, headers=headers)
    assert (answer.status_code, words in answer.text) == (status, True)
    assert "<h1>That did not work</h1>" in answer.text
    headers["Sec-Fetch-Mode"] = "cors"
    assert words in client.request(method, path, content=body, headers=headers).json()["error"]["message"]
