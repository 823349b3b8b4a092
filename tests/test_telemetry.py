"""No process sends telemetry: it contacts no other machine and writes no file outside the home."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
import yaml  # type: ignore[import-untyped]  # its stubs are another package

from core.processes.no_telemetry import OFF
from tests.test_loop import FILLER, NEW, OLD, write_rows
from tests.tiny import make_base_model
from tests.tracing import STRACE, Trace, read_trace, traced

ROOT = Path(__file__).parents[1]
needs_strace = pytest.mark.skipif(STRACE is None, reason="strace is not installed")


def new_user_environment(user: Path, **more: str) -> dict[str, str]:
    """Environment of a user with an empty home folder who has not switched off any telemetry."""
    (user / "tmp").mkdir(parents=True)
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(user),
        "TMPDIR": str(user / "tmp"),
        "PYTHONDONTWRITEBYTECODE": "1",
        **more,
    }


def files_in(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if not path.is_dir()]


def run_traced(command: Sequence[str | Path], environment: Mapping[str, str], log: Path, *, timeout_s: float) -> Trace:
    subprocess.run(traced(command, log), cwd=ROOT, env=environment, check=True, timeout=timeout_s, capture_output=True)
    return read_trace(log)


def outside(trace: Trace, *places: Path) -> list[Path]:
    allowed = (*places, Path("/dev"), Path("/proc"))
    return sorted(path for path in trace.written if not any(path.is_relative_to(place) for place in allowed))


def test_telemetry_is_off_in_this_process() -> None:
    assert OFF.items() <= os.environ.items()


def test_telemetry_is_off_in_a_container() -> None:
    bento = yaml.safe_load((ROOT / "bentofile.yaml").read_text())
    assert {entry["name"]: entry["value"] for entry in bento["envs"]} == OFF


@pytest.mark.parametrize("module", ["core.engine", "export.ladder", "service.gateway", "monitoring.watch"])
def test_an_engine_writes_no_files(module: str, tiny_package: Path, tmp_path: Path) -> None:
    code = (
        f"import {module}, sys, time; from pathlib import Path; from core.engine import Engine; "
        "Engine(Path(sys.argv[1])).answer(['a']); time.sleep(0.3)"
    )
    environment = new_user_environment(tmp_path / "user", ORT_DISABLE_TELEMETRY="0")
    subprocess.run([sys.executable, "-c", code, str(tiny_package)], cwd=ROOT, env=environment, check=True)
    assert files_in(tmp_path / "user") == []


@needs_strace
@pytest.mark.slow
def test_the_trace_contains_a_lookup_and_a_file(tmp_path: Path) -> None:
    code = (
        "import socket, pathlib; pathlib.Path.home().joinpath('left').touch(); "
        "socket.socket(type=socket.SOCK_DGRAM).connect(('192.0.2.1', 53))"
    )
    environment = new_user_environment(tmp_path / "user")
    trace = run_traced([sys.executable, "-c", code], environment, tmp_path / "log", timeout_s=60)
    assert trace.contacted == {"192.0.2.1"}
    assert outside(trace, tmp_path / "home") == [tmp_path / "user" / "left"]


@needs_strace
@pytest.mark.slow
def test_the_loop_contacts_no_machine_and_writes_only_in_its_home(tmp_path: Path) -> None:
    """The demo (command line, server and worker), then a monitor round and Evidently's page."""
    texts = [" ".join(words) for words in [*OLD.values(), *NEW.values(), FILLER]]
    base_model, home, user = make_base_model(tmp_path / "model", texts), tmp_path / "home", tmp_path / "user"
    data: list[str | Path] = []
    for number, (name, kinds) in enumerate({"train": OLD, "reference": OLD, "fresh": {**OLD, **NEW}}.items()):
        data += [f"--{name}", write_rows(tmp_path / f"{name}.csv", kinds, 240, seed=number)]
    environment = new_user_environment(user, RETUNE_FINETUNE__BASE_MODEL=str(base_model), RETUNE_DRIFT__RESAMPLES="200")
    demo: list[str | Path] = [
        sys.executable,
        "-m",
        "cli",
        "demo",
        "--home",
        home,
        *data,
        "--method",
        "features",
        "--budget",
        "60s",
    ]
    monitor: list[str | Path] = [sys.executable, "-m", "cli", "--home", home, "monitor", "--once"]
    commands: dict[str, list[str | Path]] = {"demo": demo, "monitor": monitor}
    for name, command in commands.items():
        trace = run_traced(command, environment, tmp_path / f"{name}.log", timeout_s=400)
        assert trace.contacted == set()
        assert outside(trace, home, user / "tmp") == []
    trace = trace_of_evidently(home / "evidently", environment, tmp_path / "evidently.log")
    assert trace.contacted == set()
    assert outside(trace, home, user / "tmp") == []
    # Dependencies delete their temporary files when they end.
    assert files_in(user) == []


def trace_of_evidently(workspace: Path, environment: Mapping[str, str], log: Path) -> Trace:
    """Run `evidently ui` as in docs/drift.md until its page answers."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    script = Path(sys.executable).with_name("evidently")
    command: list[str | Path] = [
        sys.executable,
        script,
        "ui",
        "--workspace",
        workspace,
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
    ]
    process = subprocess.Popen(
        traced(command, log),
        cwd=ROOT,
        env={**environment, "DO_NOT_TRACK": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        deadline = time.monotonic() + 120
        while not is_open(port):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.2)
        time.sleep(1)  # time for a thread that would send usage events
    finally:
        os.killpg(process.pid, signal.SIGTERM)  # the process group, because strace waits for its child
        process.wait(30)
    return read_trace(log)


def is_open(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0
