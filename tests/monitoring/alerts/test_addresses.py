from __future__ import annotations

import json
import socket
import ssl
import subprocess
from pathlib import Path

import pytest

from core.config import load_config
from core.errors import InvalidConfigValue, WebhookFailed
from monitoring.alerts import post as posting
from monitoring.alerts.addresses import is_public
from monitoring.alerts.post import post
from tests.monitoring.alerts.receiver import running_receiver

INSIDE = [
    "127.0.0.1",
    "10.1.2.3",
    "192.168.0.1",
    "169.254.169.254",
    "100.64.0.1",
    "0.0.0.0",
    "224.0.0.1",
    "::1",
    "fe80::1",
    "fd00::1",
    "::ffff:10.0.0.1",
    "64:ff9b::7f00:1",
    "2002:7f00:1::",
]


@pytest.mark.parametrize("address", INSIDE)
def test_an_address_inside_a_network_is_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111", "64:ff9b::808:808"])
def test_an_address_of_the_internet_is_public(address: str) -> None:
    assert is_public(address)


def test_a_private_address_is_refused_before_anything_is_sent() -> None:
    with running_receiver() as receiver:
        with pytest.raises(WebhookFailed, match="127.0.0.1 is not public, and alerts.allow_private is false"):
            post(receiver.url, b"{}", {}, allow_private=False, timeout_s=1)
        assert receiver.got == []


def test_a_name_of_which_one_address_is_private_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(posting, "addresses_of", lambda host, port: ["8.8.8.8", "10.0.0.1"])
    with pytest.raises(WebhookFailed, match="'hooks.example' got no message: its address 10.0.0.1"):
        post("https://hooks.example/x", b"{}", {}, allow_private=False, timeout_s=1)


def test_the_address_that_was_checked_is_connected_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that resolves to another address the second time is resolved once."""
    asked: list[object] = []

    def resolved(host: str, *_: object, **_options: object) -> list[object]:
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 0))]

    with running_receiver() as receiver:
        genuine = socket.getaddrinfo
        lookup = {"rebound.example": resolved}
        monkeypatch.setattr(socket, "getaddrinfo", lambda host, *rest, **o: lookup.get(host, genuine)(host, *rest, **o))
        url = f"http://rebound.example:{receiver.port}/"
        post(url, b"{}", {}, allow_private=True, timeout_s=5)
        assert asked == ["rebound.example"]
        assert receiver.got[0][1]["Host"] == f"rebound.example:{receiver.port}"


def test_the_next_address_is_tried_if_one_takes_no_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(posting, "addresses_of", lambda host, port: ["::1", "127.0.0.1"])
    with running_receiver() as receiver:
        post(receiver.url, b"{}", {}, allow_private=True, timeout_s=5)
        assert len(receiver.got) == 1


def test_http_goes_to_no_public_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(posting, "addresses_of", lambda host, port: ["8.8.8.8"])
    with pytest.raises(WebhookFailed, match="only https may go there"):
        post("http://hooks.example/x", b"{}", {}, allow_private=True, timeout_s=1)


def test_a_name_that_does_not_resolve_is_a_failure() -> None:
    with pytest.raises(WebhookFailed, match=r"'no\.invalid' got no message"):
        post("https://no.invalid/x", b"{}", {}, allow_private=False, timeout_s=1)


@pytest.mark.parametrize("url", ["ftp://h/x", "https:///x", "https://me:geheim@h/x", "geheim", "https://h/geheim x"])
def test_a_wrong_url_is_refused_at_the_start_without_being_shown(url: str) -> None:
    with pytest.raises(InvalidConfigValue, match=r"alerts\.webhooks\.ops\.url.*\(not shown\)") as refused:
        load_config(environment={"RETUNE_ALERTS__WEBHOOKS": json.dumps({"ops": {"url": url}})})
    assert "geheim" not in str(refused.value)


def test_tls_is_checked_against_the_name_in_the_url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-days", "2"]
    subprocess.run([*command, *subject, "-out", certificate, "-keyout", key], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with running_receiver(context) as receiver:
        url = f"https://localhost:{receiver.port}/"
        with pytest.raises(WebhookFailed, match=r"certificate verify failed"):
            post(url, b"{}", {}, allow_private=True, timeout_s=10)
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        post(url, b"{}", {}, allow_private=True, timeout_s=10)
        with pytest.raises(WebhookFailed, match=r"certificate verify failed"):
            post(url.replace("localhost", "127.0.0.1"), b"{}", {}, allow_private=True, timeout_s=10)
        assert [body for _, _, body in receiver.got] == [b"{}"]


def test_a_server_that_never_speaks_tls_is_left() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(WebhookFailed):
        post(f"https://127.0.0.1:{silent.getsockname()[1]}/", b"{}", {}, allow_private=True, timeout_s=0.3)
