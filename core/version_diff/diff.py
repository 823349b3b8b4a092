"""What two versions of a model have in common and what not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from core.datasets import Example
from core.engine import Engine
from core.errors import Unavailable
from core.home import Home
from core.labelling.changes import LabelChanges, label_changes
from core.package import PackageFacts, read_digest, read_facts
from core.progress import Progress, ignore
from core.taxonomy import Taxonomy
from core.version_diff.answers import Answers, answered, answers_diff
from core.version_diff.rows import recorded_texts, unseen_reference
from core.version_diff.training import TrainingDiff, training_diff

REFERENCE, RECORDED = "reference", "recorded texts"


@dataclass(frozen=True)
class VersionDiff:
    """From `before` to `after`. `renamed`: labels of `before` that a rule calls otherwise, with their names of today.

    `answers`: on each source of rows that there is; `ledger_problem`: why neither recorded texts nor rules of labels
    are known.
    """

    model: str
    before: str
    after: str
    is_same_package: bool
    labels: LabelChanges
    training: TrainingDiff
    renamed: dict[str, str] = field(default_factory=dict)
    answers: list[Answers] = field(default_factory=list)
    ledger_problem: str | None = None

    @property
    def differs(self) -> bool:
        return bool(self.labels) or self.training.differs or any(found.differing for found in self.answers)


def diff_versions(
    home: Home,
    model: str,
    before: str,
    after: str,
    *,
    given: Mapping[str, Sequence[Example]] | None = None,
    on_progress: Progress = ignore,
) -> VersionDiff:
    """`given`: rows by their source, to answer instead of the newer version's reference and of recorded texts.

    Raises `ModelNotFound`, `VersionNotFound` or `CorruptPackage`.
    """
    folders = [home.registry.verified_folder(model, version) for version in (before, after)]
    old, new = (read_facts(folder) for folder in folders)
    taxonomy, problem = _taxonomy(home, model, new)
    if given is None:
        given = {REFERENCE: unseen_reference(home, old, new)}
        if problem is None:
            given |= {RECORDED: recorded_texts(home, model, _served(home, model, before, after), new)}
    return VersionDiff(
        model,
        before,
        after,
        is_same_package=len({read_digest(folder) for folder in folders}) == 1,
        labels=label_changes(home, model, after, before=before),
        training=training_diff(old, new, datasets=home.config.datasets),
        renamed=_renamed(taxonomy, old.labels, new.labels),
        answers=_answers(folders, given, taxonomy, on_progress),
        ledger_problem=problem,
    )


def _taxonomy(home: Home, model: str, facts: PackageFacts) -> tuple[Taxonomy, str | None]:
    """The rules of the labels, and why they cannot be read."""
    try:
        return home.ledger.rules.taxonomy(model, facts.kind), None
    except Unavailable as error:
        return Taxonomy(kind=facts.kind), str(error)


def _served(home: Home, model: str, *versions: str) -> list[str]:
    """These versions and the champion, whose texts are the latest."""
    pointer = home.registry.readable_pointer(model)
    return list(dict.fromkeys([*versions, *([pointer.version] if pointer else [])]))


def _renamed(taxonomy: Taxonomy, old: Sequence[str], new: Sequence[str]) -> dict[str, str]:
    moved = {label: taxonomy.today(label) for label in old if label not in new}
    names = taxonomy.names(new)
    return {label: name for label, name in moved.items() if name in names and name is not None}


def _answers(
    folders: Sequence[Path], given: Mapping[str, Sequence[Example]], taxonomy: Taxonomy, on_progress: Progress
) -> list[Answers]:
    by_source = {source: taxonomy.examples(rows) for source, rows in given.items()}
    by_source = {source: rows for source, rows in by_source.items() if rows}
    if not by_source:
        return []
    before, after = (Engine(folder) for folder in folders)
    found = []
    for source, rows in by_source.items():
        on_progress(f"Answering {len(rows)} rows ({source})", 0.0)
        found.append(answers_diff(rows, *answered(before, after, rows, taxonomy), source=source))
    return found
