"""What runs in a home beside a command."""

from __future__ import annotations

from cli.context import Run, info
from core.errors import RetuneError
from core.home_processes.server_workers import living_server_workers
from core.home_processes.supervision import supervision_of
from core.ledger_tables.heartbeats import Heartbeats


def tell_of_supervisor(run: Run, name: str) -> None:
    """Say so if `retune up` runs another process of this kind in this home."""
    up = supervision_of(run.home.folder)
    if up and not up.is_parent:
        info(
            f"'retune up' (process {up.pid} on {up.host}, since {up.since[:19]}Z) runs the {name} of the home "
            f"{run.home.folder} already: this one runs beside it."
        )


def tell_of_others(run: Run) -> None:
    """Say which servers, monitors and workers of this home run already."""
    servers = sorted({worker.server for worker in living_server_workers(run.home.folder)})
    for server in servers:
        info(f"A server of this home runs already ({server}): its clients go on being answered by it.")
    for role, owner in _processes(run):
        host, pid, _ = owner.rsplit("/", 2)
        consequence = "keeps the models that it checks" if role == "monitor" else "takes jobs, too"
        info(f"A {role} of this home runs already (process {pid} on {host}) and {consequence}. End it: kill {pid}")


def _processes(run: Run) -> list[tuple[str, str]]:
    try:
        database = run.home.ledger.database
        beats = Heartbeats(database).all() if database.exists() else []
    except RetuneError:  # the processes say it when they start
        return []
    return [(beat.role, beat.owner) for beat in beats if beat.is_running]
