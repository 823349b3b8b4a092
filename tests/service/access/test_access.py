from __future__ import annotations

import time

import pytest
from starlette.testclient import TestClient

from core.api_keys import add_key, revoke_key
from core.config import Config, ServiceConfig
from core.registry import Registry
from service.access.sessions import COOKIE, SESSION_S
from service.worker import Worker
from tests.service.apps import app_of
from tests.service.conftest import local_client

TOKEN = "s3cret tøken"
SITE = "http://localhost:3000"


@pytest.fixture
def guarded(config: Config, registry: Registry) -> TestClient:
    """A client on another machine, of a worker with an admin token."""
    worker = Worker(with_service(config, admin_token=TOKEN))
    return TestClient(app_of(worker), base_url="http://retune.example", client=("10.0.0.9", 1))


def with_service(config: Config, **settings: object) -> Config:
    return config.model_copy(update={"service": config.service.model_copy(update=settings)})


def bearer(text: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {text}"}


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
def test_without_a_token_only_requests_from_localhost_are_accepted(
    worker: Worker, path: str, host: str, client: str, status: int
) -> None:
    browser = TestClient(app_of(worker), base_url=SITE, client=(client, 1))
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
def test_a_post_from_a_page_of_another_site_is_refused(
    client: TestClient, worker: Worker, path: str, headers: dict[str, str]
) -> None:
    answer = client.post(path, headers=headers, follow_redirects=False)
    assert answer.status_code == 403
    assert worker.home.jobs.latest("tickets") == []


def test_operator_routes_need_the_token_if_one_is_set(guarded: TestClient) -> None:
    for headers in ({}, bearer("wrong"), {"Authorization": "Basic x"}, {"Authorization": "Bearer"}):
        answer = guarded.get("/admin/models/tickets", headers=headers)
        assert (answer.status_code, answer.json()["error"]["code"]) == (401, "unauthorized")
        assert answer.headers["WWW-Authenticate"] == "Bearer"
        page = guarded.get("/dashboard/tickets", headers=headers)
        assert page.status_code == 401
        assert "Admin token" in page.text
        assert "Champion" not in page.text


def test_admin_routes_accept_the_token(config: Config, registry: Registry) -> None:
    worker = Worker(with_service(config, admin_token="plain"))
    client = TestClient(app_of(worker), base_url=SITE, client=("10.0.0.9", 1))
    assert client.get("/admin/models/tickets", headers=bearer("plain")).status_code == 200


@pytest.mark.parametrize("path", ["/dashboard", "/admin/models/tickets"])
@pytest.mark.parametrize("header", ["Forwarded", "Via", "X-Forwarded-For", "X-Real-IP"])
def test_requests_through_a_local_proxy_are_refused(client: TestClient, path: str, header: str) -> None:
    assert client.get(path, headers={header: "127.0.0.1"}).status_code == 403


@pytest.mark.parametrize("path", ["/dashboard", "/admin/models/tickets"])
@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "retune.example"])
def test_operator_routes_are_off_without_a_token_unless_listening_on_loopback(
    config: Config, registry: Registry, path: str, host: str
) -> None:
    answer = local_client(Worker(with_service(config, host=host))).get(path)
    assert answer.status_code == 403
    assert "service.admin_token" in answer.text


def test_admin_routes_accept_an_admin_key_on_any_listening_address(config: Config, registry: Registry) -> None:
    _, text = add_key(config.keys_file, "ops", ["admin"])
    client = local_client(Worker(with_service(config, host="0.0.0.0")))
    assert client.get("/admin/models/tickets").status_code == 401
    assert client.get("/admin/models/tickets", headers=bearer(text)).status_code == 200
    assert client.get("/dashboard/tickets", headers=bearer(text)).status_code == 200


def test_admin_routes_answer_403_to_a_key_without_the_scope_admin(config: Config, registry: Registry) -> None:
    add_key(config.keys_file, "ops", ["admin"])
    _, text = add_key(config.keys_file, "shop", ["predict", "feedback"])
    answer = local_client(Worker(config)).get("/admin/models/tickets", headers=bearer(text))
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "forbidden")
    assert "'admin'" in answer.json()["error"]["message"]


def test_routes_of_clients_tell_the_admin_token_from_a_wrong_one(config: Config, registry: Registry) -> None:
    add_key(config.keys_file, "shop", ["predict"])
    client = local_client(Worker(with_service(config, admin_token="plain")))
    answers = [client.post("/predict", json={"texts": ["a"]}, headers=bearer(text)) for text in ("plain", "wrong")]
    assert [answer.status_code for answer in answers] == [403, 401]
    assert "This is the admin token, and it is right" in answers[0].json()["error"]["message"]
    assert "retune keys add NAME --scope predict" in answers[0].json()["error"]["message"]
    assert client.get("/admin/models/tickets", headers=bearer("wrong")).status_code == 401


def test_client_keys_do_not_change_operator_access_from_localhost(config: Config, registry: Registry) -> None:
    add_key(config.keys_file, "shop", ["predict"])
    assert local_client(Worker(config)).get("/admin/models/tickets").status_code == 200


def test_revoking_the_last_admin_key_does_not_open_operator_routes(config: Config, registry: Registry) -> None:
    add_key(config.keys_file, "ops", ["admin"])
    revoke_key(config.keys_file, "ops")
    client = local_client(Worker(config))
    assert client.get("/admin/models/tickets").status_code == 401
    assert client.get("/dashboard").status_code == 401


def test_a_session_of_a_key_ends_when_the_key_is_revoked(
    config: Config, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.access.keyring.STAT_INTERVAL_S", 0.0)
    _, text = add_key(config.keys_file, "ops", ["admin"])
    _, client_text = add_key(config.keys_file, "shop", ["predict"])
    browser = local_client(Worker(config))
    assert browser.post("/dashboard", data={"token": client_text}).status_code == 401
    assert browser.post("/dashboard", data={"token": text}, follow_redirects=False).status_code == 303
    assert text not in browser.cookies[COOKIE]
    assert local_client(Worker(config), cookies=dict(browser.cookies)).get("/dashboard/tickets").status_code == 200
    revoke_key(config.keys_file, "ops")
    assert browser.get("/dashboard/tickets").status_code == 401


def test_a_damaged_key_file_closes_operator_routes_without_a_token(config: Config, registry: Registry) -> None:
    config.keys_file.write_text("{")
    assert local_client(Worker(config)).get("/admin/models/tickets").status_code == 503
    assert local_client(Worker(config)).get("/dashboard").status_code == 503
    with_token = local_client(Worker(with_service(config, admin_token=TOKEN[:5])))
    assert with_token.get("/admin/models/tickets", headers=bearer(TOKEN[:5])).status_code == 200


def test_login_sets_a_strict_cookie_that_gives_access_to_the_dashboard(guarded: TestClient) -> None:
    assert guarded.post("/dashboard", data={"token": "wrong"}).status_code == 401
    answer = guarded.post("/dashboard", data={"token": TOKEN}, follow_redirects=False)
    cookie = answer.headers["Set-Cookie"]
    assert (answer.status_code, answer.headers["Location"]) == (303, "/dashboard")
    assert all(word in cookie for word in ("HttpOnly", "SameSite=strict", "Path=/dashboard"))
    assert TOKEN not in cookie
    assert guarded.get("/dashboard/tickets").status_code == 200


def test_a_forged_or_expired_session_is_refused(guarded: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    guarded.post("/dashboard", data={"token": TOKEN}, follow_redirects=False)
    expires, holder, signature = guarded.cookies[COOKIE].split(".")
    for forged in (
        f"{int(expires) + 1}..{signature}",
        f"{expires}.0a.{signature}",
        f"{expires}..",
        "..",
        "x.y",
        f"{expires}.a..{signature}",
    ):
        assert guarded.get("/dashboard", headers={"Cookie": f"{COOKIE}={forged}"}).status_code == 401
    later = time.time() + SESSION_S + 1
    monkeypatch.setattr("service.access.sessions.time.time", lambda: later)
    assert guarded.get("/dashboard").status_code == 401


def test_a_login_from_another_site_is_refused(guarded: TestClient) -> None:
    answer = guarded.post("/dashboard", data={"token": TOKEN}, headers={"Origin": "http://evil.example"})
    assert answer.status_code == 403


def test_failed_logins_are_counted(guarded: TestClient) -> None:
    guarded.post("/dashboard", data={"token": "guess"})
    guarded.post("/dashboard", data={"token": TOKEN}, headers={"Origin": "http://evil.example"})
    page = guarded.get("/metrics").text
    assert 'retune_refused_total{reason="unauthorized"} 1.0' in page
    assert 'retune_refused_total{reason="forbidden"} 1.0' in page


def test_the_cookie_is_secure_behind_a_proxy_that_ends_tls(guarded: TestClient) -> None:
    for scheme, is_secure in (("https", True), ("http", False)):
        headers = {"X-Forwarded-Proto": scheme}
        answer = guarded.post("/dashboard", data={"token": TOKEN}, headers=headers, follow_redirects=False)
        assert answer.status_code == 303
        assert ("secure" in answer.headers["set-cookie"].lower()) is is_secure


def test_white_space_around_the_token_is_removed() -> None:
    assert ServiceConfig(admin_token="0123abcd\n").admin_token == "0123abcd"


@pytest.mark.parametrize("token", ["", " \n", "tøken", "a\nb"])
def test_a_token_that_does_not_fit_in_a_header_is_refused(token: str) -> None:
    with pytest.raises(ValueError, match="admin_token"):
        ServiceConfig(admin_token=token)
