"""`retune register` and `versions`."""

from __future__ import annotations

from pathlib import Path

import click

from cli.context import Run, info, pass_run, require_package
from cli.label_changes import told_changes
from core.isolated import isolated, sentence_of
from core.package import read_facts
from lifecycle.registration import register_package

NOT_KEPT = " Its checkpoint is not kept here, so no retrain can go on from its weights."


@click.command()
@click.argument("package", type=click.Path(path_type=Path))
@click.option("--model", required=True, help="Name of the model, e.g. tickets.")
@pass_run
def register(run: Run, package: Path, model: str) -> None:
    """Add a package to the registry as the next version of a model; clients see it after a promotion."""
    require_package(run, package)
    added, default = register_package(run.home, package, model), default_model(run)
    version, champion = added.version, added.champion
    run.record("register", model, {"version": version})
    changes, lines = told_changes(run, model, version, before=added.before)
    run.emit(
        {"model": model, "version": version, "champion": champion, "checkpoint_kept": added.is_kept, **changes},
        f"{model}@{version} is in the registry.{'' if added.is_kept else NOT_KEPT}",
        *lines,
        f"Clients see no change: {_answered_now(model, version, champion)}. {_answered_by(default)}",
        *([] if version == champion else [f"Next: {run.hint('promote', f'{model}@{version}')}"]),
    )


def default_model(run: Run) -> str | None:
    """The model that answers requests without `model`."""
    return run.config.service.default_model or run.home.registry.default_model()


def _answered_now(model: str, version: str, champion: str | None) -> str:
    if champion is None:
        return f"requests for {model!r} get 503 until a version is promoted"
    return f"{model}@{champion} {'answers already' if version == champion else 'goes on answering'}"


def _answered_by(default: str | None) -> str:
    return f"Requests without 'model' are answered by {default!r}." if default else "No model is in service yet."


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
    forced: set[str] = set()
    with isolated(lambda error: info(f"Promotions by force are not shown: {sentence_of(error)}")):
        forced = run.home.ledger.forced_versions(model)
    facts = {version: read_facts(run.home.registry.folder(model, version)) for version in known}
    run.emit(
        {
            "model": model,
            "version": known[-1],
            "champion": champion,
            "versions": [
                {
                    "version": version,
                    "rung": fact.rung,
                    "labels": len(fact.labels),
                    "metrics": fact.metrics,
                    "forced": version in forced,
                }
                for version, fact in facts.items()
            ],
        },
        *(
            f"{'*' if version == champion else ' '} {model}@{version}  {fact.rung}, {len(fact.labels)} labels"
            f"{', promoted by force' if version in forced else ''}"
            for version, fact in facts.items()
        ),
    )
