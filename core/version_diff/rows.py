"""Rows on which two versions are compared if no file is given."""

from __future__ import annotations

from collections.abc import Sequence

from core.datasets import Example, kept_dataset
from core.errors import RetuneError
from core.home import Home
from core.package import PackageFacts
from core.version_diff.training import trained_on

MEASURED, RECENT = 2000, 500
"""Rows of the reference and recorded texts that are answered at most; the answers take about a second for 100."""


def unseen_reference(home: Home, before: PackageFacts, after: PackageFacts) -> list[Example]:
    """Labelled rows of the newer version's reference that neither version was trained on.

    None at all if reference or training rows are not kept in this home: rows that a version has learned show nothing.
    """
    datasets = home.config.datasets
    seen = [trained_on(facts, datasets) for facts in (before, after)]
    try:
        reference = kept_dataset(after.lineage.reference.fingerprint, datasets)
    except RetuneError:
        return []
    if any(rows is None for rows in seen):
        return []
    keys = {row.key for rows in seen for row in rows or []}
    rows = [row for row in reference if row.label is not None and row.key not in keys]
    return rows[:: max(1, len(rows) // MEASURED)][:MEASURED]


def recorded_texts(home: Home, model: str, versions: Sequence[str], facts: PackageFacts) -> list[Example]:
    """The latest recorded texts of these versions, each with the label that people gave. Raises `Unavailable`."""
    ledger = home.ledger
    found = {row.id: row for version in versions for row in ledger.window(model, version, limit=RECENT)}
    latest = sorted((row for row in found.values() if row.has_text), key=lambda row: -row.number)
    given = ledger.labelled(model, kind=facts.kind, counting=home.config.labels.counting)
    labels = {row.example.key: row.label for row in given if row.has_text}
    unlabelled = (Example(row.text, None, row.pair) for row in latest)
    texts = {row.key: Example(row.text, labels.get(row.key), row.pair) for row in unlabelled}
    return list(texts.values())[:RECENT]
