"""`retune verify`."""

from __future__ import annotations

import click

from cli.context import Run, package_folder, pass_run
from core.package import read_digest, read_facts
from core.verification import verify_contents


@click.command()
@click.argument("package", metavar="PACKAGE|MODEL[@VERSION]")
@pass_run
def verify(run: Run, package: str) -> None:
    """Read a package again: its files, that they fit together, and that it answers its golden texts as recorded."""
    folder = package_folder(run, package)
    difference = verify_contents(folder)
    facts = read_facts(folder)
    run.emit(
        {
            "package": str(folder),
            "digest": read_digest(folder),
            "rung": facts.rung,
            "task": facts.task,
            "labels": len(facts.labels),
            "golden": len(facts.golden),
            "largest_difference": difference,
        },
        f"{folder} is sound: {facts.rung}, {facts.task}, {len(facts.labels)} labels.",
        f"Its {len(facts.golden)} golden answers differ by at most {difference:.1e} from those recorded.",
    )
