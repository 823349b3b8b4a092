"""`retune up`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.beside import tell_of_others
from cli.context import Run, info, pass_run
from cli.serve import address_of
from core.config import Config, overridden
from core.config_sources import Sources
from core.errors import CannotListen, PortInUse, RetuneError
from core.home_processes.child_environment import child_environment
from core.home_processes.supervision import SupervisedProcess, Supervision, publish, supervising, supervision_of
from core.isolated import isolated
from core.processes.free_address import free_address

if TYPE_CHECKING:  # needs the packages of the server
    from service.host.supervisor.child import Program

LOG_FILE = "up.log"
ROOT = Path(__file__).absolute().parents[1]


@click.command()
@click.option("--host", help="Address to listen on [default: 127.0.0.1].")
@click.option("--port", type=click.IntRange(1, 65535), help="Port [default: 3000].")
@click.option("--workers", type=click.IntRange(0), help="Server workers; 0: one per core [default: 0].")
@pass_run
def up(run: Run, /, **given: Any) -> None:
    """Run server, monitor and worker of this home, and start again what ends; Ctrl-C ends all of them."""
    service = overridden(run.config.service, given, source="the options")
    config = run.config.model_copy(update={"service": service})
    from service.host.process import startable_address
    from service.host.supervisor.log import ProcessLog
    from service.host.supervisor.run import Supervisor
    from service.host.tls import tls_arguments

    address = address_of(service, has_tls=bool(tls_arguments(service)))
    this = Supervision.of_this_process(address)
    if supervision_of(run.home.folder) is None:  # before the home is touched
        startable_address(config)
    with supervising(run.home.folder, this):
        tell_of_others(run)
        log = ProcessLog(run.home.folder / LOG_FILE, stream=(sys.stderr if run.as_json else sys.stdout).fileno())
        supervisor = Supervisor(
            _programs(run, config, run.sources(**given)), log=log, on_change=partial(_publish, run.home.folder, this)
        )
        _announce(run, address)
        code = supervisor.run()
        log.close()
    sys.exit(code)


def _programs(run: Run, config: Config, sources: Sources) -> list[Program]:
    from service.host.supervisor.child import Program

    environment = child_environment(config, sources=sources)
    home = ["--home", str(run.home.folder)] if run.home_folder is not None else []  # for the hints that they print

    def program(name: str, words: Sequence[str]) -> Program:
        return Program(name, [sys.executable, "-m", "cli", *home, *words], environment, ROOT)

    is_free = partial(_is_free, config.service.host, config.service.port)
    return [
        replace(program("gateway", ["serve"]), may_start=is_free),
        program("monitor", ["monitor"]),
        program("worker", ["worker"]),
    ]


def _is_free(host: str, port: int) -> bool:
    """Whether the workers of a gateway that was killed have given the port back."""
    try:
        free_address(host, port)
    except PortInUse:
        return False
    except CannotListen:  # the gateway says why
        return True
    return True


def _publish(home: Path, this: Supervision, processes: tuple[SupervisedProcess, ...]) -> None:
    with isolated(lambda error: info(f"{home} cannot be written: {error}"), but=(KeyboardInterrupt,)):
        publish(home, replace(this, processes=processes))


def _announce(run: Run, address: str) -> None:
    if run.as_json:
        run.emit({"url": address, "home": str(run.home.folder), "log": str(run.home.folder / LOG_FILE)})
        return
    info(f"Home {run.home.folder}, server {address} (dashboard: {address}/dashboard), log {LOG_FILE} in the home.")
    info("Ctrl-C ends all; once more kills them.")
    try:
        has_models = bool(run.home.registry.models())
    except RetuneError:
        return
    if not has_models:
        info(f"There is no model yet. Make one, now or later: {run.hint('deploy', 'FILE', '--model', 'NAME')}")
