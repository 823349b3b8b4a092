"""What labels say of the champion's accuracy, for the ledger: metrics and alerts show it."""

from __future__ import annotations

from core.ledger_tables.standing import Accuracy
from core.share import measured
from lifecycle.policy.case import Case


def standing_accuracy(case: Case) -> Accuracy:
    """Of held-out texts since the drift; without a label of those, of texts drawn at random since the promotion."""
    fresh, random = case.measured, case.random
    rows, correct = (fresh.rows, fresh.correct) if fresh.rows else (random.rows, random.right)
    found = measured(correct, rows) if rows else None
    if fresh.rows and fresh.powered is not None:
        found = fresh.powered
    is_lower = found is not None and case.measured.expected is not None and found.high < case.measured.expected
    is_lost = (is_lower and rows >= case.min_texts) or (
        random.p_value <= case.loss_alpha and random.rows >= case.min_texts
    )
    return Accuracy(found, case.measured.expected, random.p_value, is_lost)
