"""What `register`, `promote` and `rollback` say about labels that came and went."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from cli.context import Run
from core.errors import CorruptPackage
from core.labelling.changes import LabelChanges, label_changes

SHOWN = 5


def told_changes(run: Run, model: str, version: str, *, before: str | None) -> tuple[dict[str, Any], list[str]]:
    """For the JSON object and for the terminal; both empty if the labels are the same."""
    try:
        changes = label_changes(run.home, model, version, before=before)
    except CorruptPackage as error:  # the version before is damaged; that must not keep a better one out of service
        problem = str(error)
        return {"labels": {"error": problem}}, [f"The labels cannot be compared with those before: {problem}"]
    return ({"labels": asdict(changes)}, _lines(run, model, changes, before)) if changes else ({}, [])


def _lines(run: Run, model: str, changes: LabelChanges, before: str | None) -> list[str]:
    lines = [f"New labels, which {model}@{before} does not have: {_listed(changes.came)}."] if changes.came else []
    if changes.gone:
        lines.append(f"Labels that {model}@{before} has and this version does not: {_listed(changes.gone)}.")
    if not changes.rules_known:
        lines.append("The ledger cannot be read: labels that a rule renames are listed, and labelled rows not counted.")
    proposed = [_proposal(run, model, changes, names) for names in _together(changes)]
    more = [f"{len(proposed) - SHOWN} more labels that are gone have labelled rows (--json lists all)."]
    return [*lines, *proposed[:SHOWN], *(more if len(proposed) > SHOWN else [])]


def _together(changes: LabelChanges) -> list[list[str]]:
    """The stored labels that are gone; those that resemble the same new label are one group."""
    groups: dict[tuple[bool, str], list[str]] = {}
    for label in changes.stored:
        target = changes.renamed.get(label)
        groups.setdefault((target is not None, target or label), []).append(label)
    return list(groups.values())


def _proposal(run: Run, model: str, changes: LabelChanges, names: list[str]) -> str:
    """How many labelled rows have the labels, and the rule that would map them."""
    target, rows = changes.renamed.get(names[0]), sum(changes.stored[name] for name in names)
    words = [*names, target] if target else names
    rule = ("merge" if len(names) > 1 else "rename") if target else "retire"
    ends_options = ["--"] if any(word.startswith("-") for word in words) else []
    several, they = len(names) > 1, ("they are" if len(names) > 1 else "it is")
    count = f"{rows} labelled row{'s have' if rows > 1 else ' has'} the label{'s' if several else ''} {_listed(names)}"
    meaning = f"If {they} now called {target!r}" if target else "If it is no label any more"
    return f"{count}. {meaning}: {run.hint('labels', rule, *ends_options, model, *words)}"


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(map(repr, names[:SHOWN])) + more
