"""Further versions of a package whose every answer differs from those of the others."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

from setting import WORK, Setting

from core.package import MANIFEST, read_facts, write_facts, write_manifest


def renamed(setting: Setting, by: int) -> tuple[Path, dict[str, str]]:
    """The same graph, so as fast, with the labels' names moved on by `by`; and the other name of each label."""
    folder = WORK / f"renamed-{by}"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(setting.package, folder)
    facts = read_facts(folder)
    labels = [*facts.labels[by:], *facts.labels[:by]]
    other = dict(zip(facts.labels, labels, strict=True))
    golden = [
        {
            **answer,
            "label": other[answer["label"]],
            "scores": {other[name]: score for name, score in answer["scores"].items()},
        }
        for answer in facts.golden
    ]
    write_facts(folder, replace(facts, labels=labels, golden=golden))
    (folder / MANIFEST).unlink()
    write_manifest(folder)
    return folder, other
