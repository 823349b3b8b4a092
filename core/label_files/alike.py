"""Rows of a file that a person answered like the typical text of their group."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from core.feedback import Given, GivenLabel
from core.label_files.files import SAME, FileLabel, RefusedRow
from core.records import CannotTell


def answered_alike(labels: Sequence[FileLabel]) -> tuple[list[FileLabel], list[RefusedRow]]:
    """The rows with the answer to their typical text in place of SAME, and those where that cannot be known.

    The typical text of a group is the one that has the group as its prediction_id, in whatever order the rows are.
    """
    answers: dict[str, list[Given]] = defaultdict(list)
    for label in labels:
        if not _is_same(label):
            answers[label.given.prediction_id].append(label.given)
    kept, refused = [], []
    for label in labels:
        typical = answers[label.group] if label.group else []
        if not _is_same(label):
            kept.append(label)
        elif problem := _problem(label, typical):
            refused.append(label.refused(problem))
        else:
            kept.append(replace(label, given=_like(label.given, typical[-1]), is_alike=True))
    return kept, refused


def _is_same(label: FileLabel) -> bool:
    return isinstance(label.given, GivenLabel) and label.given.label == SAME


def _problem(label: FileLabel, typical: Sequence[Given]) -> str | None:
    """Why nobody can know which label is meant."""
    said = f"its label is {SAME!r}"
    if not label.group:
        return f"{said}, but it is in no group: write its label"
    if label.group == label.given.prediction_id:
        return f"{said}, but it is the first text of its group: write its label"
    if not typical:
        return f"{said}, but the first text of its group has no label that can be used in this file: write its label"
    if len({_said(given) for given in typical}) > 1:
        return f"{said}, but the first text of its group has several labels in this file: write its label"
    return None


def _said(given: Given) -> str | None:
    return str(given.label) if isinstance(given, GivenLabel) else None


def _like(given: Given, typical: Given) -> Given:
    if isinstance(typical, CannotTell):
        return CannotTell(given.prediction_id, given.source)
    return GivenLabel(given.prediction_id, typical.label, given.source)
