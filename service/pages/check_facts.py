"""What the page of a check shows, read from the ledger, the registry and the files of the check."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from markupsafe import Markup

from core.assigned import cells
from core.errors import CheckNotFound, CorruptPackage, NotFound
from core.example_texts import texts_of
from core.home import Home
from core.labels import Kind, names_of
from core.package import read_facts, read_reference
from core.records import TRAFFIC, CheckRecord, DecisionRecord
from service.pages.report_files import map_of, report_file

MOST_LABELS = 12
NO_LABEL = "(no label)"


@dataclass(frozen=True)
class LabelShare:
    """Share of the texts that the version answers with a label, in the reference and in the window."""

    label: str
    before: float
    after: float


@dataclass(frozen=True)
class CheckView:
    """`texts`: of the examples, as far as they are kept, by id; `shares`: of the labels that moved most, of `labels` in
    all; none where they cannot be told. `has_report`: whether Evidently's report is there; `has_shared_level`: whether
    the level follows from the stated rate of false alarms and the time between checks. `decision`, `last_decision`: the
    first and the last one that rest on the check.
    """

    check: CheckRecord
    decision: DecisionRecord | None
    last_decision: DecisionRecord | None
    texts: dict[str, str]
    shares: list[LabelShare]
    labels: int
    drawing: Markup | None
    has_report: bool
    has_shared_level: bool


def check_view(home: Home, model: str, check_id: int) -> CheckView:
    """Raises `ModelNotFound`, `CheckNotFound` or `Unavailable`."""
    home.registry.require_model(model)
    check = home.ledger.check(model, check_id)
    if check is None:
        raise CheckNotFound(check_id)
    shares = _label_shares(home, check)
    return CheckView(
        check,
        home.ledger.decision_after(check),
        home.ledger.last_decision_after(check),
        texts_of(home.ledger.database, check.verdict.changes),
        shares[:MOST_LABELS],
        len(shares),
        map_of(home.folder, check),
        report_file(home.folder, check) is not None,
        check.source == TRAFFIC and check.verdict.level != home.config.drift.alpha,
    )


def _label_shares(home: Home, check: CheckRecord) -> list[LabelShare]:
    """Those that moved most first; empty for a file, whose answers are not kept, and where a side is gone."""
    if check.source != TRAFFIC or not check.verdict.is_conclusive:
        return []
    try:
        folder = home.registry.folder(check.model, check.version)
        facts, reference = read_facts(folder), read_reference(folder)
    except (NotFound, CorruptPackage):  # the version was deleted, or cannot be read
        return []
    after = [row.label for row in home.ledger.rows_of(check, limit=home.config.drift.window_rows)]
    return moved_most(
        _shares(cells(reference.predicted, facts.labels), facts.kind), _shares(after, facts.kind) if after else {}
    )


def moved_most(before: Mapping[str, float], after: Mapping[str, float]) -> list[LabelShare]:
    """
    >>> [share.label for share in moved_most({"a": 0.5, "b": 0.5}, {"b": 0.6, "c": 0.4})]
    ['a', 'c', 'b']
    >>> moved_most({"a": 1.0}, {})
    []
    """
    labels = {**before, **after} if before and after else {}
    found = [LabelShare(label, before.get(label, 0.0), after.get(label, 0.0)) for label in labels]
    return sorted(found, key=lambda share: (-abs(share.after - share.before), share.label))


def _shares(answers: Iterable[str], kind: Kind) -> dict[str, float]:
    """A text with several labels counts for each of them."""
    rows = list(answers)
    counts = Counter(name for cell in rows for name in names_of(cell, kind) or [NO_LABEL])
    return {label: count / len(rows) for label, count in counts.items()}
