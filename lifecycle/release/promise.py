"""What was promised of a version when it was put in service: by the gate, else by the version before."""

from __future__ import annotations

from contextlib import suppress

from core.champion import read_version
from core.errors import RetuneError
from core.home import Home
from core.labels import Kind
from core.ledger_tables.guards import Promise
from core.package import read_facts
from core.records import GateVerdict, PromotionRecord
from core.registry import Champion
from core.share import Share, measured
from lifecycle.evidence import different


def promise_of(home: Home, model: str, champion: Champion, previous: str | None) -> Promise:
    verdict = _verdict(home.ledger.promotions_of(model, champion.version), previous)
    of_before = _reference(home, model, previous) if previous else None
    before = of_before.value if of_before else None
    differing = _differing(verdict) if verdict else None
    if verdict is not None and verdict.fresh.rows and verdict.answer == "promote":
        fresh = verdict.fresh
        right = measured(round(fresh.challenger_accuracy * fresh.rows), fresh.rows)
        return Promise(right, differing, "promised by the gate", before)
    if of_before is None or previous is None:
        return Promise(_reference(home, model, champion.version), differing, "on its reference", before)
    found = _labelled(home, model, previous, kind=read_facts(home.registry.folder(model, champion.version)).kind)
    return Promise(found or of_before, differing, "with the version before", before)


def promotion_of(home: Home, model: str, champion: Champion) -> PromotionRecord | None:
    """The record of the promotion that made it champion; None if it is not in the ledger."""
    last = next(iter(row for row in home.ledger.promotions(model, limit=20) if row.promoted), None)
    is_it = last is not None and last.version == champion.version
    return last if is_it and last is not None and last.previous == previous_of(champion) else None


def previous_of(champion: Champion) -> str | None:
    return champion.previous[-1] if champion.previous else None


def _verdict(rows: list[PromotionRecord], previous: str | None) -> GateVerdict | None:
    """The gate's last verdict on the version, compared with this one."""
    found = (row.gate.verdict for row in rows if row.gate is not None and row.previous == previous)
    return next(found, None)


def _differing(verdict: GateVerdict) -> Share | None:
    found = verdict.disagreements
    return measured(len(found.differing), found.texts) if found.texts else None


def _labelled(home: Home, model: str, version: str, *, kind: Kind) -> Share | None:
    """The accuracy of a version on the labelled texts since its promotion."""
    counting, after = home.config.labels.counting, home.ledger.promoted_after(model, version)
    every = home.ledger.labelled(model, kind=kind, counting=counting)
    rows = different(row for row in every if row.version == version and row.number > after)
    if len(rows) < home.config.labels.min_texts:
        return None
    return measured(sum(row.predicted == row.label for row in rows), len(rows))


def _reference(home: Home, model: str, version: str) -> Share | None:
    """The accuracy of a version on its reference; None if it is gone, or none of the rows has a label."""
    with suppress(RetuneError):
        reference = read_version(home.registry, model, version).reference
        known = reference.known
        if known.any():
            return measured(int(reference.right[known].sum()), int(known.sum()))
    return None
