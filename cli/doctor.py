"""`retune doctor`."""

from __future__ import annotations

import platform
import shutil
import sys
from collections.abc import Callable
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from uuid import uuid4

import click

from cli.context import REFUSED, Run, pass_run
from core.cpu import available_cpus
from core.durable import write_bytes
from core.errors import RetuneError

EXTRAS = {
    "serve": ["bentoml", "jinja2"],
    "train": ["torch", "transformers", "onnx"],
    "monitor": ["evidently", "pandas"],
}
FREE_GB_NEEDED = 2.0


@click.command()
@pass_run
def doctor(run: Run) -> None:
    """Check this machine, the config and the state; exits 3 if something is wrong."""
    checks = [
        _check("python", platform.python_version),
        *(_check(f"extra {name}", partial(_extra, packages)) for name, packages in EXTRAS.items()),
        _check("cores", lambda: f"{available_cpus()} usable"),
        _check("config", lambda: f"valid, home {run.config.home.absolute()}"),
        _check("home", lambda: _writable(run)),
        _check("disk", lambda: _free_space(run)),
        _check("ledger", lambda: f"{run.home.ledger.database.shown_url} answers"),
        _check("registry", lambda: _registry(run)),
        _check("default model", lambda: _default_model(run)),
    ]
    run.emit(
        {"checks": checks},
        *(f"{'ok  ' if check['ok'] else 'BAD '} {check['name']:<14} {check['detail']}" for check in checks),
    )
    if not all(check["ok"] for check in checks):
        sys.exit(REFUSED)


def _check(name: str, find: Callable[[], str]) -> dict[str, str | bool]:
    try:
        return {"name": name, "ok": True, "detail": find()}
    except (RetuneError, OSError) as error:
        return {"name": name, "ok": False, "detail": str(error)}


def _extra(packages: list[str]) -> str:
    found = []
    for package in packages:
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            return f"not installed (no {package}); needed only for its commands"
    return ", ".join(found)


def _writable(run: Run) -> str:
    probe = run.config.home / f".doctor-{uuid4().hex}"
    write_bytes(probe, b"")
    probe.unlink()
    return f"{run.config.home.absolute()} is writable"


def _free_space(run: Run) -> str:
    free_gb = shutil.disk_usage(run.config.home.absolute()).free / 1e9
    if free_gb < FREE_GB_NEEDED:
        raise RetuneError(
            f"Only {free_gb:.1f} GB are free. Training and packages need {FREE_GB_NEEDED:.0f}: free some."
        )
    return f"{free_gb:.0f} GB free"


def _default_model(run: Run) -> str:
    if name := run.config.service.default_model:
        run.home.registry.require_model(name)
        return name
    first = run.home.registry.default_model()
    return f"not set: requests without a model are answered by {first or 'the first one that is promoted'}"


def _registry(run: Run) -> str:
    models = run.home.registry.models()
    for model in models:
        champion = run.home.registry.pointer(model)
        if champion:
            run.home.registry.verified_folder(model, champion.version)
    return f"{len(models)} models ({', '.join(models)}), champions verified" if models else "empty"
