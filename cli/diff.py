"""`retune diff`."""

from __future__ import annotations

from pathlib import Path

import click

from cli.context import Run, column_options, columns_for, pass_run, progress_shown
from cli.diff_lines import diff_lines
from core.datasets import Columns, read_examples
from core.errors import InvalidInput
from core.package import read_facts
from core.registry import parse_version
from core.stored import as_stored
from core.version_diff.diff import diff_versions


@click.command()
@click.argument("before", metavar="NAME@VERSION")
@click.argument("after", metavar="NAME@VERSION")
@click.option("--data", type=click.Path(path_type=Path), help="Rows to answer, with or without labels.")
@column_options
@pass_run
def diff(run: Run, before: str, after: str, data: Path | None, columns: Columns) -> None:
    """Compare two versions of a model: labels, training, accuracy on the same rows, and texts that they answer
    differently.

    Without --data they answer the rows of the newer version's reference that neither was trained on, and the latest
    recorded texts.
    """
    model, old, new = _versions(before, after)
    given = None
    if data is not None:
        facts = read_facts(run.home.registry.folder(model, new))
        fitting = columns_for(columns, kind=facts.kind, is_paired=facts.is_paired)
        given = {str(data): read_examples(data, fitting, labelled=False)}
    with progress_shown() as progress:
        found = diff_versions(run.home, model, old, new, given=given, on_progress=progress)
    run.emit({**as_stored(found), "differs": found.differs}, *diff_lines(found))


def _versions(before: str, after: str) -> tuple[str, str, str]:
    (model, old), (other, new) = parse_version(before), parse_version(after)
    for name, version in ((before, old), (after, new)):
        if version is None:
            raise InvalidInput(f"{name!r} names no version. Write NAME@VERSION, e.g. {name}@1.")
    if model != other:
        raise InvalidInput(f"{before!r} and {after!r} are of two models. Name two versions of one.")
    return model, str(old), str(new)
