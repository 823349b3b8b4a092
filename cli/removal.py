"""`retune delete` and `prune`."""

from __future__ import annotations

import sys
from dataclasses import asdict

import click

from cli.context import Run, info, pass_run
from core.errors import NotConfirmed, RetuneError
from core.registry import parse_version
from core.removal.prune import Prunable, prunable
from core.removal.remove import Removed, recorded, remove_model, remove_versions, require_unneeded, require_unused

yes_option = click.option("--yes", is_flag=True, help="Delete without a question.")


@click.command()
@click.argument("name", metavar="NAME[@VERSION]")
@yes_option
@pass_run
def delete(run: Run, name: str, yes: bool) -> None:
    """Delete a version, or a model with all its versions; the ledger keeps their history.

    The champion, the version before it, and one that a server, a job or the gate needs stay.
    """
    model, version = parse_version(name)
    if version is None:
        run.home.registry.require_model(model)
        require_unused(run.home, model)
        _confirm_model(run, model, is_confirmed=yes)
        removed = remove_model(run.home, model)
    else:
        require_unneeded(run.home, model, [version])
        _confirm(f"{name} will be deleted for ever.", is_confirmed=yes)
        removed = remove_versions(run.home, model, [version])
    run.record("delete", model, {"versions": removed.versions})
    checkpoints = _pruned_checkpoints(run)
    run.emit({**asdict(removed), "checkpoints": checkpoints}, f"{name} is deleted{_freed(removed, checkpoints)}")


@click.command()
@click.argument("model", required=False)
@click.option("--keep", default=5, show_default=True, type=click.IntRange(0), help="Latest versions that stay, too.")
@click.option("--dry-run", is_flag=True, help="Say what would be deleted, and delete nothing.")
@yes_option
@pass_run
def prune(run: Run, model: str | None, keep: int, dry_run: bool, yes: bool) -> None:
    """Delete old versions of a model, or of all: those that nothing needs and that are not among the latest.

    The champion, the version before it, and those that a server, a job or the gate needs stay.
    """
    models = [model] if model is not None else run.home.registry.require_any()
    found = [prunable(run.home, name, keep=keep) for name in models]
    if not any(one.versions for one in found) or dry_run:
        run.emit(_pruned_json(found, [], [], dry_run=dry_run), *_prune_lines(found, "would be deleted"))
        return
    for line in _prune_lines(found, "will be deleted"):
        info(line)
    _confirm("They cannot be restored.", is_confirmed=yes)
    removed = [remove_versions(run.home, one.model, one.versions) for one in found if one.versions]
    for one in removed:
        run.record("delete", one.model, {"versions": one.versions})
    checkpoints = _pruned_checkpoints(run)
    count = sum(len(one.versions) for one in removed)
    total = Removed("", [], sum(one.reports for one in removed), sum(one.freed_bytes for one in removed))
    run.emit(
        _pruned_json(found, removed, checkpoints, dry_run=False),
        f"{count} version{'' if count == 1 else 's'} deleted{_freed(total, checkpoints)}",
    )


def _confirm(what: str, *, is_confirmed: bool) -> None:
    """Raises `NotConfirmed` unless `--yes` or the person at the terminal agrees."""
    if is_confirmed or (sys.stdin.isatty() and click.confirm(f"{what} Delete?", err=True)):
        return
    raise NotConfirmed(what)


def _confirm_model(run: Run, model: str, *, is_confirmed: bool) -> None:
    """A whole model is confirmed by its name. Raises `NotConfirmed`."""
    kept, versions = recorded(run.home, model), len(run.home.registry.versions(model))
    what = (
        f"Model {model!r} with {versions} version{'' if versions == 1 else 's'} will be deleted for ever. "
        f"The ledger keeps its {kept.predictions:,} predictions and {kept.labels:,} labelled texts."
    )
    if is_confirmed:
        return
    if sys.stdin.isatty():
        info(what)
        if click.prompt("Type its name to delete it", default="", show_default=False, err=True) == model:
            return
    raise NotConfirmed(what)


def _pruned_checkpoints(run: Run) -> list[str]:
    """Checkpoints that no version needs any more; a fault stops nothing, since a later prune deletes them."""
    from lifecycle.challengers.pruning import prune_checkpoints

    try:
        return prune_checkpoints(run.home)
    except (RetuneError, OSError) as error:
        info(f"Kept checkpoints are not pruned: {error}")
        return []


def _prune_lines(found: list[Prunable], verb: str) -> list[str]:
    lines = []
    for one in found:
        listed = ", ".join(f"{one.model}@{version}" for version in one.versions) or f"no version of {one.model}"
        lines.append(f"{listed} {verb}.")
        lines += [f"  {one.model}@{version} stays: {reason}." for version, reason in one.kept.items()]
    return lines


def _freed(removed: Removed, checkpoints: list[str]) -> str:
    counts = {"report": removed.reports, "kept checkpoint": len(checkpoints)}
    parts = [f"{count} {noun}{'' if count == 1 else 's'}" for noun, count in counts.items() if count]
    return f"{' with ' + ' and '.join(parts) if parts else ''}; {removed.freed_bytes / 1e6:.1f} MB freed."


def _pruned_json(
    found: list[Prunable], removed: list[Removed], checkpoints: list[str], *, dry_run: bool
) -> dict[str, object]:
    return {
        "dry_run": dry_run,
        "models": [asdict(one) for one in found],
        "deleted": sum(len(one.versions) for one in removed),
        "reports": sum(one.reports for one in removed),
        "freed_bytes": sum(one.freed_bytes for one in removed),
        "checkpoints": checkpoints,
    }
