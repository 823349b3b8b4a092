from __future__ import annotations

import time

import pytest
from starlette.testclient import TestClient

from core.config import Config
from core.registry import Registry
from service.access import COOKIE, SESSION_S
from service.app import guarded_app
from service.worker import Worker

TOKEN = "s3cret tøken"
SITE = "http://localhost:3000"


@pytest.fixture
def guarded(config: Config, registry: Registry) -> TestClient:
    """A gateway with a token, called from elsewhere; its worker need not run."""
    service = config.service.model_copy(update={"admin_token": TOKEN})
    worker = Worker(config.model_copy(update={"service": service}))
    return TestClient(guarded_app(worker), base_url="http://retune.example", client=("10.0.0.9", 1))


@pytest.mark.parametrize("path", ["/dashboard", "/dashboard/tickets", "/admin/models/tickets"])
@pytest.mark.parametrize(
    ("host", "client", "status"),
    [
        ("localhost:3000", "127.0.0.1", 200),
        ("127.0.0.1:3000", "127.0.0.1", 200),
        ("[::1]:3000", "::1", 200),
        ("localhost:3000", "10.0.0.9", 403),
        ("rebound.example:3000", "127.0.0.1", 403),
        ("localhost.example", "127.0.0.1", 403),
        ("[", "127.0.0.1", 403),
    ],
)
def test_without_a_token_only_this_machine_under_its_own_name_is_let_in(
    worker: Worker, path: str, host: str, client: str, status: int
) -> None:
    browser = TestClient(guarded_app(worker), base_url=SITE, client=(client, 1))
    assert browser.get(path, headers={"Host": host}).status_code == status


@pytest.mark.parametrize("path", ["/dashboard/tickets/retrain", "/admin/models/tickets/retrain"])
@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:3001"},
        {"Origin": "https://localhost:3000"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_a_page_of_another_site_cannot_press_the_button(
    client: TestClient, worker: Worker, path: str, headers: dict[str, str]
) -> None:
    answer = client.post(path, headers=headers, follow_redirects=False)
    assert answer.status_code == 403
    assert worker.jobs().latest("tickets") == []


def test_with_a_token_nothing_is_shown_without_it(guarded: TestClient) -> None:
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic x"}, {"Authorization": "Bearer"}):
        answer = guarded.get("/admin/models/tickets", headers=headers)
        assert (answer.status_code, answer.json()["error"]["code"]) == (401, "unauthorized")
        assert answer.headers["WWW-Authenticate"] == "Bearer"
        page = guarded.get("/dashboard/tickets", headers=headers)
        assert page.status_code == 401
        assert "Admin token" in page.text
        assert "Champion" not in page.text


def test_the_token_opens_admin(config: Config, registry: Registry) -> None:
    service = config.service.model_copy(update={"admin_token": "plain"})
    client = TestClient(
        guarded_app(Worker(config.model_copy(update={"service": service}))), base_url=SITE, client=("10.0.0.9", 1)
    )
    assert client.get("/admin/models/tickets", headers={"Authorization": "Bearer plain"}).status_code == 200


def test_logging_in_sets_a_strict_cookie_that_opens_the_dashboard(guarded: TestClient) -> None:
    assert guarded.post("/dashboard", data={"token": "wrong"}).status_code == 401
    answer = guarded.post("/dashboard", data={"token": TOKEN}, follow_redirects=False)
    cookie = answer.headers["Set-Cookie"]
    assert (answer.status_code, answer.headers["Location"]) == (303, "/dashboard")
    assert all(word in cookie for word in ("HttpOnly", "SameSite=strict", "Path=/dashboard"))
    assert TOKEN not in cookie
    assert guarded.get("/dashboard/tickets").status_code == 200


def test_a_forged_or_expired_session_is_refused(guarded: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    guarded.post("/dashboard", data={"token": TOKEN}, follow_redirects=False)
    expires, _, signature = guarded.cookies[COOKIE].partition(".")
    for forged in (f"{int(expires) + 1}.{signature}", f"{expires}.", signature, ".", "x.y"):
        assert guarded.get("/dashboard", headers={"Cookie": f"{COOKIE}={forged}"}).status_code == 401
    later = time.time() + SESSION_S + 1
    monkeypatch.setattr("service.access.time.time", lambda: later)
    assert guarded.get("/dashboard").status_code == 401


def test_a_foreign_login_form_is_refused(guarded: TestClient) -> None:
    answer = guarded.post("/dashboard", data={"token": TOKEN}, headers={"Origin": "http://evil.example"})
    assert answer.status_code == 403
