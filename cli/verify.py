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
    """Verify a package: its files, whether they fit together, and its golden answers."""
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
        f"{folder} is valid: {facts.rung}, {facts.task}, {len(facts.labels)} labels.",
        f"Its {len(facts.golden)} golden answers differ by at most {difference:.1e} from the recorded ones.",
    )
