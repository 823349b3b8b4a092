"""Starts `bentoml serve` with the whole config in its environment, and stops it with all its processes."""

from __future__ import annotations

import hashlib
import json
import math
import os
import shutil
import signal
import socket
import ssl
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPException
from pathlib import Path
from types import FrameType
from typing import IO
from urllib.request import HTTPSHandler, ProxyHandler, build_opener

import psutil  # type: ignore[import-untyped]  # its stubs are another package

from core.config import Config
from core.config_sources import NONE_KNOWN, Sources
from core.cpu import require_few_workers, worker_count
from core.errors import ServerFailed
from core.home_processes.child_environment import child_environment
from core.keys_in_use import require_keys
from core.processes.free_address import free_address
from core.processes.no_telemetry import OFF
from core.processes.parent import end_with_parent
from service.host.tls import tls_arguments

SERVICE = "service.gateway:Gateway"
# The folder that contains the `service` package: the repository, or site-packages.
ROOT = Path(__file__).absolute().parents[2]
START_TIMEOUT_S = 60.0
LAST_LINES = 15
# Metrics with many models and labels need less.
RUNTIME_BYTES = 4 * 2**20
# Kubernetes and other supervisors kill after 30 s: draining, open requests and the last writes must end before.
MAX_GRACE_S, MARGIN_S = 20, 5.0
# Not passed on: variables of other servers, and BENTOML_CONTAINERIZED, which stops BentoML from replacing dead workers.
FOREIGN_VARIABLES = ("BENTOML_", "PROMETHEUS_MULTIPROC_DIR")


def serve(config: Config, *, sources: Sources = NONE_KNOWN, on_start: Callable[[], None] = lambda: None) -> int:
    """Run the server in the foreground until it ends or gets a signal; returns its exit code.

    `sources`: of the config's values; `on_start` is called when the server's process has started. Raises `PortInUse`,
    `CannotListen`, `TooManyWorkers` or `KeysMissing`.
    """
    server = ServerProcess(config, log=None, sources=sources)

    def forward(number: int, _: FrameType | None) -> None:
        server.process.send_signal(number)

    previous = {number: signal.signal(number, forward) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        on_start()
        return server.wait()
    finally:
        server.stop()
        for number, handler in previous.items():
            signal.signal(number, handler)


@contextmanager
def running_server(config: Config, *, log: Path, workers: int | None = None) -> Iterator[str]:
    """Run a server during the block and yield its base URL; its output goes to `log`.

    Raises as `serve`, or `ServerFailed` with the last lines of the log.
    """
    if workers is not None:
        config = config.model_copy(update={"service": config.service.model_copy(update={"workers": workers})})
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        server = ServerProcess(config, log=output)
        try:
            _wait_until_alive(server, log)
            yield server.url
        finally:
            server.stop()


class ServerProcess:
    """`bentoml serve` with its workers, in a process session of its own."""

    def __init__(self, config: Config, *, log: IO[bytes] | None, sources: Sources = NONE_KNOWN) -> None:
        host = startable_address(config)
        scheme = "https" if config.service.tls_certificate else "http"
        self.url = f"{scheme}://{host if host != '0.0.0.0' else '127.0.0.1'}:{config.service.port}"
        grace_s = min(MAX_GRACE_S, math.ceil(config.service.timeout_s))
        self._end_s = grace_s + config.service.drain_s + MARGIN_S
        environment = server_environment(config, sources=sources)
        self._runtime_folder = Path(environment["BENTOML_HOME"])
        self.process = subprocess.Popen(
            _command(config, host, grace_s),
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT if log else None,
            # Then a terminal's Ctrl-C reaches only this process, which forwards it once.
            start_new_session=True,
            preexec_fn=end_with_parent,
        )

    def wait(self) -> int:
        """The server's exit code; 128 + n if signal n ended the server, as in a shell."""
        code = self.process.wait()
        return code if code >= 0 else 128 - code

    def stop(self) -> None:
        """Let open requests finish, then kill the processes that are still running."""
        processes = self._processes()
        if self.process.poll() is None:
            self.process.terminate()
        _, alive = psutil.wait_procs(processes, timeout=self._end_s)
        for process in alive:
            process.kill()
        self.process.wait()
        shutil.rmtree(self._runtime_folder, ignore_errors=True)

    def _processes(self) -> list[psutil.Process]:
        with suppress(psutil.NoSuchProcess):
            main = psutil.Process(self.process.pid)
            return [main, *main.children(recursive=True)]
        return []


def startable_address(config: Config) -> str:
    """The IPv4 address of a server that can start. Raises as `serve`."""
    require_few_workers(config)
    require_keys(config)
    return free_address(config.service.host, config.service.port)


def server_environment(config: Config, *, sources: Sources = NONE_KNOWN) -> dict[str, str]:
    """The environment variables of a server. They contain the whole config."""
    runtime, whole = runtime_folder(config), child_environment(config, sources=sources)
    workers = {"workers": worker_count(config), "traffic": {"timeout": config.service.timeout_s + 30}}
    return {
        **{name: value for name, value in whole.items() if not name.startswith(FOREIGN_VARIABLES)},
        "BENTOML_HOME": str(runtime),  # one for each server: BentoML empties its metrics folder at the start
        "BENTOML_CONFIG_OVERRIDES": json.dumps({"services": {"Gateway": workers}}),
        **OFF,
        "MALLOC_ARENA_MAX": "2",  # with more arenas malloc keeps more memory of dropped versions
        "TOKENIZERS_PARALLELISM": "false",  # there is one worker for each core: more threads only slow it down
    }


def server_folder(config: Config) -> Path:
    """The folder of what a server keeps from one run to the next."""
    return config.home.absolute() / "serve" / str(config.service.port)


def runtime_folder(config: Config) -> Path:
    """The folder of what the processes of a running server share: metrics and connections.

    It is in memory if possible, and not under the home: a full or read-only disk there must not stop the server.
    """
    server = f"{socket.gethostname()} {server_folder(config)}"
    name = f"retune-{os.getuid()}-{hashlib.sha256(server.encode()).hexdigest()[:16]}"
    for parent in (Path("/dev/shm"), Path(tempfile.gettempdir())):
        with suppress(OSError):
            folder = parent / name
            # Room is asked for once: later calls, also in workers, must find the folder that was chosen.
            if not folder.exists() and shutil.disk_usage(parent).free < RUNTIME_BYTES:
                continue
            folder.mkdir(mode=0o700, exist_ok=True)
            found = folder.lstat()  # other users can write to the parent folder
            if stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid():
                return folder
    return server_folder(config) / "runtime"


def _command(config: Config, host: str, grace_s: int) -> list[str]:
    return [
        *(sys.executable, "-m", "bentoml", "serve", SERVICE),
        *("--working-dir", str(ROOT)),
        *("--host", host),
        *("--port", str(config.service.port)),
        *("--timeout-keep-alive", str(config.service.keep_alive_s)),
        *("--timeout-graceful-shutdown", str(grace_s)),
        *(
            word
            for name, value in tls_arguments(config.service).items()
            for word in (f"--{name.replace('_', '-')}", str(value))
        ),
    ]


def _wait_until_alive(server: ServerProcess, log: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline:
        if server.process.poll() is not None:
            raise ServerFailed(f"it ended with exit code {server.wait()}; {_last_lines(log)}")
        if _is_alive(server.url):
            return
        time.sleep(0.05)
    raise ServerFailed(f"no answer within {START_TIMEOUT_S:g} s; {_last_lines(log)}")


def _is_alive(url: str) -> bool:
    # The request goes to this machine: no proxy, and the certificate need not match the address.
    context = ssl._create_unverified_context()
    opener = build_opener(ProxyHandler({}), HTTPSHandler(context=context))
    try:
        with opener.open(f"{url}/livez", timeout=5) as answer:
            return bool(answer.status == 200)
    except (OSError, HTTPException):
        return False


def _last_lines(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()[-LAST_LINES:]
    return f"the end of {log}:\n" + "\n".join(lines)
