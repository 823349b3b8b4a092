"""Rows that leave the kept data sets, because a prediction that they came from is forgotten."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from core.datasets import Example, keep_dataset, kept_dataset, replace_dataset


@dataclass(frozen=True)
class ErasedRows:
    """How many rows left each data set, by its fingerprint; the keys of the texts that only traffic brought."""

    datasets: dict[str, int] = field(default_factory=dict)
    keys: frozenset[str] = frozenset()


def erase_rows(made_s: Mapping[str, float], folder: Path) -> ErasedRows:
    """Take texts out of the data sets that were kept since their predictions were made.

    `made_s` holds when the first prediction of a text was made, by the text's key. A text that a data
    set held before came from a file, and stays: else to forget a load test would erase what it was
    made from.
    """
    doomed = dict(made_s)
    erased: dict[str, int] = {}
    for path in sorted(folder.glob("*.jsonl"), key=_kept_since):
        rows = kept_dataset(path.stem, folder)
        for key in {row.key for row in rows} & doomed.keys():
            if _kept_since(path) < doomed[key]:
                del doomed[key]
        left = [row for row in rows if row.key not in doomed]
        if len(left) < len(rows):
            _replace(path, left)
            erased[path.stem] = len(rows) - len(left)
    return ErasedRows(erased, frozenset(doomed))


def _replace(path: Path, left: list[Example]) -> None:
    since, there = _kept_since(path), set(path.parent.iterdir())
    successor = keep_dataset(left, path.parent)
    kept = path.with_name(f"{successor}.jsonl")
    if kept not in there:  # an older set of the same rows stays as old as it is
        os.utime(kept, (since, since))
    replace_dataset(path.stem, successor, path.parent)


def _kept_since(path: Path) -> float:
    return path.stat().st_mtime
