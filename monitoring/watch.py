"""Checks the champion's recent traffic, or a file, against the reference in its package."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from core.assigned import cells
from core.champion import ChampionPackage
from core.datasets import Example
from core.engine import Engine
from core.errors import CheckedMeanwhile
from core.example_texts import in_one_line
from core.features import Features
from core.home import Home
from core.records import TRAFFIC, CheckRecord
from core.share import Share, measured
from core.texts.copies import fold_texts
from monitoring.change.drawing import Located
from monitoring.change.explain import explained
from monitoring.check import check
from monitoring.judge import judge


@dataclass(frozen=True)
class WindowCheck:
    """`groups`: the new groups of the verdict, each with the indices of its rows in the window."""

    record: CheckRecord
    window: Features
    groups: list[Located]


@dataclass(frozen=True)
class FileCheck(WindowCheck):
    """`measured_accuracy` is None without labelled rows; `texts`: of the examples, by the number of their row."""

    measured_accuracy: Share | None
    texts: dict[str, str]


def check_window(home: Home, champion: ChampionPackage, *, until: int | None = None) -> WindowCheck:
    """Check the champion's traffic since its last conclusive check, and record the verdict.

    `until`: number of the last prediction of the window; None: the last one of all. The next check includes the rows of
    an inconclusive check again. Raises `CheckedMeanwhile`, without a record, if another process recorded a conclusive
    check of this version in the meantime.
    """
    ledger, model, version = home.ledger, champion.model, champion.version
    before = ledger.last_conclusive_check(model, version)
    past = before.verdict.accumulated if before else None
    judged = judge(home, champion, past=past, after=ledger.last_checked(model, version), until=until)
    last = judged.last.id if judged.last and judged.verdict.is_conclusive else None
    found = judged.window
    known = explained(judged.verdict, champion, found.features, ids=found.ids, texts=found.texts)
    follows = before.id if before else 0
    check_id = ledger.record_check(model, version, known.verdict, source=TRAFFIC, window_end=last, follows=follows)
    return WindowCheck(_recorded(home, model, check_id), found.features, known.groups)


def check_file(home: Home, champion: ChampionPackage, examples: Sequence[Example], *, source: str) -> FileCheck:
    """Predict at least one row of a file with the champion, check the rows, and record the verdict.

    Each text is one row, with the last of its labels.
    """
    near = champion.reference.copies is not None
    folded = fold_texts([row.key for row in examples], [1] * len(examples), near=near)
    rows = [examples[index] for index in folded.kept]
    window = Engine(champion.folder).features(rows, copies=folded.copies)
    verdict = check(
        champion.reference, window, labels=champion.labels, settings=home.config.drift, left_out=champion.left_out
    )
    numbers = [str(index + 1) for index in folded.kept]
    known = explained(verdict, champion, window, ids=numbers, texts=[row.input for row in rows])
    verdict = known.verdict
    check_id = home.ledger.record_check(champion.model, champion.version, verdict, source=source)
    shown = {example for change in verdict.changes for example in change.all_examples}
    return FileCheck(
        _recorded(home, champion.model, check_id),
        window,
        known.groups,
        _measured_accuracy(rows, window, champion.labels),
        {number: in_one_line(row.input) for number, row in zip(numbers, rows, strict=True) if number in shown},
    )


def _recorded(home: Home, model: str, check_id: int) -> CheckRecord:
    record = home.ledger.check(model, check_id)
    if record is None:  # an inconclusive check of traffic is replaced by the next one
        raise CheckedMeanwhile(model)
    return record


def _measured_accuracy(examples: Sequence[Example], window: Features, labels: Sequence[str]) -> Share | None:
    # A row with a label that the model does not know counts as wrong; a row without a label does not count. All labels
    # of a multi-label row must be right.
    right = [
        given == example.label
        for example, given in zip(examples, cells(window.predicted, labels), strict=True)
        if example.label is not None
    ]
    return measured(sum(right), len(right)) if right else None
