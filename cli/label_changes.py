"""What `register`, `promote` and `rollback` say about labels that came and went."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from cli.context import Run
from core.errors import CorruptPackage
from core.label_changes import LabelChanges, label_changes

SHOWN = 5


def told_changes(run: Run, model: str, version: str, *, before: str | None) -> tuple[dict[str, Any], list[str]]:
    """For the JSON object and for the terminal; both empty if the labels are the same."""
    try:
        changes = label_changes(run.home, model, version, before=before)
    except CorruptPackage:  # the version before is damaged; that must not keep a better one out of service
        return {}, []
    return ({"labels": asdict(changes)}, _lines(run, model, changes, before)) if changes else ({}, [])


def _lines(run: Run, model: str, changes: LabelChanges, before: str | None) -> list[str]:
    lines = [f"New labels, which {model}@{before} does not have: {_listed(changes.came)}."] if changes.came else []
    if changes.gone:
        lines.append(f"Labels that {model}@{before} has and this version does not: {_listed(changes.gone)}.")
    for label, rows in list(changes.stored.items())[:SHOWN]:
        target = changes.renamed.get(label)
        names = (label, target) if target else (label,)
        ends_options = ["--"] if any(name.startswith("-") for name in names) else []
        rule = ("rename" if target else "retire", *ends_options, model, *names)
        meaning = f"If it is now called {target!r}" if target else "If it is no label any more"
        count = f"{rows} labelled row{'s have' if rows > 1 else ' has'}"
        lines.append(f"{count} the label {label!r}. {meaning}: {run.hint('labels', *rule)}")
    return lines


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(map(repr, names[:SHOWN])) + more
