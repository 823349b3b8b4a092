"""`retune serve`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from cli.beside import tell_of_supervisor
from cli.context import Run, info, pass_run
from core.config import ServiceConfig, overridden
from core.registry import Registry


@click.command()
@click.option("--host", help="Address to listen on [default: 127.0.0.1].")
@click.option("--port", type=click.IntRange(1, 65535), help="Port [default: 3000].")
@click.option("--workers", type=click.IntRange(0), help="Worker processes; 0: one per core [default: 0].")
@click.option("--tls-certificate", type=click.Path(path_type=Path), help="PEM file of the certificate and its chain.")
@click.option("--tls-key", type=click.Path(path_type=Path), help="PEM file of its private key.")
@click.option("--tls-client-ca", type=click.Path(path_type=Path), help="PEM file of authorities of accepted clients.")
@pass_run
def serve(run: Run, /, **given: Any) -> None:
    """Serve all models of the registry over HTTP; a new champion is used without a restart."""
    service = overridden(run.config.service, given, source="the options")
    config = run.config.model_copy(update={"service": service})
    from service.host.process import serve as run_server
    from service.host.tls import tls_arguments

    address = address_of(config.service, has_tls=bool(tls_arguments(config.service)))
    tell_of_supervisor(run, "gateway")

    def announce() -> None:
        if run.as_json:
            run.emit({"url": address})
        else:
            registry = run.home.registry
            served = ", ".join(registry.models()) or f"no model yet ({registry.place} holds none)"
            info(f"Serving {served} on {address} (dashboard: {address}/dashboard)")
        _warn_of_missing_default(config.service.default_model, run.home.registry)
        sys.stdout.flush()

    sys.exit(run_server(config, sources=run.sources(**given), on_start=announce))


def address_of(service: ServiceConfig, *, has_tls: bool) -> str:
    return f"{'https' if has_tls else 'http'}://{service.host}:{service.port}"


def _warn_of_missing_default(model: str | None, registry: Registry) -> None:
    """Only a warning, because the model may be registered later."""
    if model and model not in registry.models():
        info(f"service.default_model is {model!r}, which is not registered: requests without a model get 404.")
