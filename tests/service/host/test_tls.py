from __future__ import annotations

import socket
import ssl
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from core.config import ServiceConfig
from core.errors import FileMissing, TlsFilesUnfit, TlsIncomplete
from service.host.process import running_server
from service.host.tls import tls_arguments
from tests.service.conftest import put_in_service, server_config


def make_pair(folder: Path, name: str, *, password: str = "") -> tuple[Path, Path]:
    """A self-signed certificate and its key."""
    certificate, key = folder / f"{name}.pem", folder / f"{name}.key"
    lock = ["-passout", f"pass:{password}"] if password else ["-nodes"]
    subject = ["-subj", f"/CN={name}", "-days", "2"]
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    subprocess.run([*command, *subject, *lock, "-out", certificate, "-keyout", key], check=True, capture_output=True)
    return certificate, key


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    return make_pair(tmp_path, "server")


def test_without_files_there_is_no_tls() -> None:
    assert tls_arguments(ServiceConfig()) == {}


def test_certificate_and_key_become_arguments_with_absolute_paths(
    pair: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    settings = ServiceConfig(tls_certificate=Path("server.pem"), tls_key=Path("server.key"))
    assert tls_arguments(settings) == {"ssl_certfile": str(pair[0]), "ssl_keyfile": str(pair[1])}


def test_a_client_ca_makes_client_certificates_required(pair: tuple[Path, Path]) -> None:
    settings = ServiceConfig(tls_certificate=pair[0], tls_key=pair[1], tls_client_ca=pair[0])
    arguments = tls_arguments(settings)
    assert arguments["ssl_ca_certs"] == str(pair[0])
    assert arguments["ssl_cert_reqs"] == ssl.CERT_REQUIRED


def test_an_incomplete_pair_names_the_missing_file(pair: tuple[Path, Path]) -> None:
    with pytest.raises(TlsIncomplete, match=r"service\.tls_key"):
        tls_arguments(ServiceConfig(tls_certificate=pair[0]))
    with pytest.raises(TlsIncomplete, match=r"service\.tls_certificate"):
        tls_arguments(ServiceConfig(tls_client_ca=pair[0]))


def test_a_missing_file_is_named(pair: tuple[Path, Path], tmp_path: Path) -> None:
    gone = tmp_path / "gone.pem"
    for settings in (
        ServiceConfig(tls_certificate=gone, tls_key=pair[1]),
        ServiceConfig(tls_certificate=pair[0], tls_key=gone),
        ServiceConfig(tls_certificate=pair[0], tls_key=pair[1], tls_client_ca=gone),
    ):
        with pytest.raises(FileMissing, match=r"gone\.pem"):
            tls_arguments(settings)


def test_a_key_of_another_certificate_is_refused(pair: tuple[Path, Path], tmp_path: Path) -> None:
    _, other_key = make_pair(tmp_path, "other")
    with pytest.raises(TlsFilesUnfit, match="key values mismatch"):
        tls_arguments(ServiceConfig(tls_certificate=pair[0], tls_key=other_key))


def test_a_key_with_a_password_is_refused_without_a_prompt(tmp_path: Path) -> None:
    certificate, key = make_pair(tmp_path, "locked", password="secret")
    with pytest.raises(TlsFilesUnfit, match="without a password"):
        tls_arguments(ServiceConfig(tls_certificate=certificate, tls_key=key))


def test_a_file_that_is_not_a_certificate_is_refused(pair: tuple[Path, Path], tmp_path: Path) -> None:
    (tmp_path / "text.pem").write_text("hello")
    with pytest.raises(TlsFilesUnfit, match=r"text\.pem"):
        tls_arguments(ServiceConfig(tls_certificate=tmp_path / "text.pem", tls_key=pair[1]))
    with pytest.raises(TlsFilesUnfit, match=r"text\.pem"):
        tls_arguments(ServiceConfig(tls_certificate=pair[0], tls_key=pair[1], tls_client_ca=tmp_path / "text.pem"))


@pytest.mark.slow
def test_a_server_with_tls_answers_tls_clients_only(
    pair: tuple[Path, Path], tmp_path: Path, tiny_package: Path
) -> None:
    config = server_config(tmp_path)
    tls = {"tls_certificate": pair[0], "tls_key": pair[1], "timeout_s": 30.0}
    config = config.model_copy(update={"service": config.service.model_copy(update=tls)})
    put_in_service(config, tiny_package)
    log = tmp_path / "server.log"
    with running_server(config, log=log) as url:
        silent = socket.create_connection(("127.0.0.1", config.service.port), timeout=10)
        with socket.create_connection(("127.0.0.1", config.service.port), timeout=10) as plain:
            plain.sendall(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
            assert b"200" not in plain.recv(100)
        with httpx.Client(base_url=url, verify=False) as client, ThreadPoolExecutor(16) as pool:
            answers = list(pool.map(lambda _: client.post("/predict", json={"texts": ["my invoice"]}), range(64)))
    silent.close()
    assert {answer.status_code for answer in answers} == {200}
    assert "strict-transport-security" in answers[0].headers
    assert "Traceback" not in log.read_text()
