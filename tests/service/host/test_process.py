from __future__ import annotations

import re
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import psutil  # type: ignore[import-untyped]  # its stubs are another package
import pytest

from core.config import Config, LedgerConfig, RegistryConfig, ServiceConfig, load_config
from core.errors import CannotListen, PortInUse, ServerFailed, TooManyWorkers
from core.ledger import open_ledger
from core.store import Store
from service.host.process import ServerProcess, running_server, runtime_folder, server_environment
from tests.service.conftest import free_port, put_in_service, server_config
from tests.tiny import tiny_rows

TEXTS = [row.text for row in tiny_rows(30, seed=9)]


def test_a_port_in_use_is_an_error_before_anything_starts(tmp_path: Path) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        config = Config(home=tmp_path, service=ServiceConfig(port=port))
        with pytest.raises(PortInUse, match=str(port)), running_server(config, log=tmp_path / "log"):
            pass


def test_too_many_workers_for_the_machine_are_refused(tmp_path: Path) -> None:
    config = Config(home=tmp_path, service=ServiceConfig(port=free_port(), workers=100_000))
    with pytest.raises(TooManyWorkers, match=r"'service.workers' is 100000, and there are \d+ cores"):
        ServerProcess(config, log=None)


@pytest.mark.parametrize("host", ["::1", "no-such-host.invalid", "192.0.2.1"])
def test_an_unusable_host_has_another_error_than_a_port_in_use(tmp_path: Path, host: str) -> None:
    config = Config(home=tmp_path, service=ServiceConfig(host=host, port=free_port()))
    with pytest.raises(CannotListen, match=re.escape(f"'service.host' '{host}'")):
        ServerProcess(config, log=None)


def test_the_whole_config_reaches_the_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RETUNE_SERVICE__ADMIN_TOKEN", "of another server")
    (tmp_path / "retune.toml").write_text("[service]\nadmin_token = 'of a file'\n")
    config = Config(
        home=Path("state"),
        service=ServiceConfig(port=4321, timeout_s=7.5, default_model="tickets"),
        ledger=LedgerConfig(url="sqlite:///own.db"),
        registry=RegistryConfig(url="models"),
    )
    loaded = load_config(environment=server_environment(config))
    assert loaded.model_copy(update={"ledger": config.ledger, "registry": config.registry}) == config.model_copy(
        update={"home": tmp_path / "state"}
    )
    assert loaded.ledger_url == f"sqlite:///{tmp_path / 'own.db'}"
    assert loaded.registry_url == str(tmp_path / "models")


@pytest.mark.parametrize(
    ("registry", "ledger"),
    [("~/models", "sqlite:///own.db"), ("file://models", "sqlite+pysqlite:///own.db"), ("models", "sqlite:///own.db")],
)
def test_a_server_uses_the_same_registry_and_ledger_as_the_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, registry: str, ledger: str
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    config = Config(home=tmp_path, ledger=LedgerConfig(url=ledger), registry=RegistryConfig(url=registry))
    loaded = load_config(environment=server_environment(config))
    assert loaded.registry_url == str(tmp_path / "models") == Store(registry, cache=tmp_path).root
    assert loaded.ledger_url == ledger.replace("///own.db", f"///{tmp_path / 'own.db'}")


def test_the_error_of_a_failed_start_contains_the_end_of_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.host.process.SERVICE", "service.nothing:Here")
    log = tmp_path / "server.log"
    with pytest.raises(ServerFailed, match="service.nothing"), running_server(server_config(tmp_path), log=log):
        pass


def command_of(process: psutil.Process) -> list[str]:
    """Empty if it has ended."""
    try:
        return list(process.cmdline())
    except psutil.NoSuchProcess:
        return []


def test_sigterm_writes_predictions_exits_0_and_leaves_no_process(tmp_path: Path, tiny_package: Path) -> None:
    config = server_config(tmp_path)
    config = config.model_copy(update={"ledger": LedgerConfig(flush_s=60)})
    put_in_service(config, tiny_package)
    before = set(psutil.Process().children(recursive=True))
    with running_server(config, log=tmp_path / "server.log") as url:
        children = set(psutil.Process().children(recursive=True)) - before
        main = next(child for child in children if "serve" in command_of(child))
        httpx.post(f"{url}/predict", json={"texts": TEXTS})
        main.terminate()
        main.wait(60)
    assert open_ledger(config).count_predictions("tickets", "1") == len(TEXTS)
    assert not any(child.is_running() for child in children)


def test_serve_forwards_sigterm_and_exits_0(tmp_path: Path) -> None:
    config = server_config(tmp_path)
    program = (
        f"import sys; from core.config import *; from service.host.process import serve; sys.exit(serve({config!r}))"
    )
    program = program.replace("PosixPath", "Path")
    child = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert child.stdout is not None
    for line in child.stdout:
        if b"initialized" in line:
            break
    child.terminate()
    child.stdout.close()
    assert child.wait(15) == 0


def test_stopping_twice_is_harmless(tmp_path: Path) -> None:
    with (tmp_path / "log").open("wb") as log:
        server = ServerProcess(server_config(tmp_path), log=log)
        server.stop()
        server.stop()
    assert server.process.poll() is not None


def test_what_a_server_shares_is_not_under_its_home_and_is_removed_at_the_end(tmp_path: Path) -> None:
    config = server_config(tmp_path)
    folder = runtime_folder(config)
    assert not folder.is_relative_to(tmp_path)
    other = runtime_folder(server_config(tmp_path / "other"))
    other.rmdir()
    assert folder == runtime_folder(config) != other
    with running_server(config, log=tmp_path / "server.log") as url:
        assert httpx.get(f"{url}/metrics").status_code == 200
        assert list(folder.glob("**/*.db"))
        assert (folder / "connections").stat().st_blocks > 0
    assert not folder.exists()
    assert not list(tmp_path.glob("serve/**/*.db"))
