"""`retune doctor`."""

from __future__ import annotations

import platform
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from uuid import uuid4

import click

from cli.context import REFUSED, Run, pass_run
from core.cpu import available_cpus
from core.durable import require_writable, write_bytes
from core.errors import NoModels, RetuneError
from core.settings import unknown_models

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
    ]
    if checks[-1].is_ok:
        checks += [
            _check("home", lambda: _writable(run)),
            _check("disk", lambda: _free_space(run)),
            _check("ledger", lambda: _ledger(run)),
            _check("registry", lambda: _registry(run)),
            _check("default model", lambda: _default_model(run)),
            _check("model tables", lambda: _model_tables(run)),
        ]
    run.emit(
        {"checks": [{"name": check.name, "ok": check.is_ok, "detail": check.detail} for check in checks]},
        *(f"{check.mark:<4} {check.name:<14} {check.detail}" for check in checks),
    )
    if not all(check.is_ok for check in checks):
        sys.exit(REFUSED)


class Remark(str):
    """A finding that is a fault only if something else was expected, such as an empty home."""


@dataclass(frozen=True)
class Check:
    name: str
    detail: str
    is_ok: bool = True

    @property
    def mark(self) -> str:
        if not self.is_ok:
            return "BAD"
        return "note" if isinstance(self.detail, Remark) else "ok"


def _check(name: str, find: Callable[[], str]) -> Check:
    try:
        return Check(name, find())
    except (RetuneError, OSError) as error:
        return Check(name, str(error), is_ok=False)


def _extra(packages: list[str]) -> str:
    found = []
    for package in packages:
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            return Remark(f"not installed (no {package}); needed only for its commands")
    return ", ".join(found)


def _writable(run: Run) -> str:
    home = run.home.folder
    if not home.exists():
        require_writable(home)
        return Remark(f"{home} does not exist yet")
    probe = home / f".doctor-{uuid4().hex}"
    write_bytes(probe, b"")
    probe.unlink()
    return f"{home} is writable"


def _free_space(run: Run) -> str:
    home = run.home.folder
    free_gb = shutil.disk_usage(next(path for path in (home, *home.parents) if path.exists())).free / 1e9
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


def _model_tables(run: Run) -> str:
    if unknown := unknown_models(run.config, run.home.registry.models()):
        return Remark(f"{', '.join(unknown)}: the registry has no such model; correct the name if it is not to come")
    return "none of an unknown model"


def _ledger(run: Run) -> str:
    database = run.home.ledger.database
    return f"{database.shown_url} answers" if database.exists() else Remark(f"{database.shown_url} does not exist yet")


def _registry(run: Run) -> str:
    models = run.home.registry.models()
    for model in models:
        champion = run.home.registry.pointer(model)
        if champion:
            run.home.registry.verified_folder(model, champion.version)
    if not models:
        return Remark(str(NoModels(run.home.registry.place)))
    return f"{len(models)} models ({', '.join(models)}), champions verified"
