"""`retune register` and `versions`."""

from __future__ import annotations

from pathlib import Path

import click

from cli.context import Run, pass_run, require_package
from core.package import read_facts


@click.command()
@click.argument("package", type=click.Path(path_type=Path))
@click.option("--model", required=True, help="Name of the model, e.g. tickets.")
@pass_run
def register(run: Run, package: Path, model: str) -> None:
    """Add a package to the registry as the next version of a model."""
    require_package(run, package)
    version = run.home.registry.add(package, model)
    champion = run.home.registry.pointer(model)
    run.emit(
        {"model": model, "version": version, "champion": champion.version if champion else None},
        f"{model}@{version} is in the registry.",
        f"Next: {run.hint('promote', f'{model}@{version}')}",
    )


@click.command()
@click.argument("model")
@pass_run
def versions(run: Run, model: str) -> None:
    """List the versions of a model; the champion is marked."""
    known = run.home.registry.versions(model)
    pointer = run.home.registry.pointer(model)
    champion = pointer.version if pointer else None
    if not known:
        run.home.registry.champion(model)  # raises ModelNotFound
    facts = {version: read_facts(run.home.registry.folder(model, version)) for version in known}
    run.emit(
        {
            "model": model,
            "version": known[-1],
            "champion": champion,
            "versions": [
                {"version": version, "rung": fact.rung, "labels": len(fact.labels), "metrics": fact.metrics}
                for version, fact in facts.items()
            ],
        },
        *(
            f"{'*' if version == champion else ' '} {model}@{version}  {fact.rung}, {len(fact.labels)} labels"
            for version, fact in facts.items()
        ),
    )
