from __future__ import annotations

import pytest

from core.records import PromotionRecord
from lifecycle.policy.history import Records, history_of

NOW = "2026-11-29T12:00:00.000000+00:00"


@pytest.mark.parametrize(
    ("reason", "is_undone"),
    [
        ("Rolled back on the page.", True),
        ("Version 2 could not be loaded.", False),
        ("The version before answers more texts rightly.", True),
    ],
)
def test_a_version_that_could_not_be_loaded_was_not_judged(reason: str, is_undone: bool) -> None:
    row = PromotionRecord(1, "tickets", "1", "2", NOW, True, reason, after_label=7)
    assert (history_of(Records(promotions=[row]), now=NOW).undone is not None) == is_undone
