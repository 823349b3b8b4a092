"""Erases rows from the stored data sets when the predictions that they came from are forgotten."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from core.datasets import Example, keep_dataset, kept_dataset, replace_dataset


@dataclass(frozen=True)
class ErasedRows:
    """`datasets`: erased rows by the data set's fingerprint; `keys`: keys of the texts that came from traffic only."""

    datasets: dict[str, int] = field(default_factory=dict)
    keys: frozenset[str] = frozenset()


def erase_rows(created_s: Mapping[str, float], folder: Path) -> ErasedRows:
    """Erase texts from the data sets that were stored after the first predictions of the texts.

    `created_s`: time of the first prediction of a text, by the text's key. A text that is in an older data set came
    from a file and stays: otherwise erasing the predictions of a load test would erase the rows of its input file.
    """
    to_erase = dict(created_s)
    erased: dict[str, int] = {}
    for path in sorted(folder.glob("*.jsonl"), key=_stored_s):
        rows = kept_dataset(path.stem, folder)
        for key in {row.key for row in rows} & to_erase.keys():
            if _stored_s(path) < to_erase[key]:
                del to_erase[key]
        left = [row for row in rows if row.key not in to_erase]
        if len(left) < len(rows):
            _replace(path, left)
            erased[path.stem] = len(rows) - len(left)
    return ErasedRows(erased, frozenset(to_erase))


def _replace(path: Path, left: list[Example]) -> None:
    stored_s, existing = _stored_s(path), set(path.parent.iterdir())
    successor = keep_dataset(left, path.parent)
    successor_path = path.with_name(f"{successor}.jsonl")
    if successor_path not in existing:  # an existing data set of the same rows keeps its modification time
        os.utime(successor_path, (stored_s, stored_s))
    replace_dataset(path.stem, successor, path.parent)


def _stored_s(path: Path) -> float:
    return path.stat().st_mtime
