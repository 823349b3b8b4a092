from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from core.config import Config
from core.ledger import open_ledger
from core.records import Decision
from lifecycle.respond import _after_refusal


def test_a_refusal_counts_whatever_people_put_in_service_since(tmp_path: Path) -> None:
    ledger = open_ledger(Config(home=tmp_path))
    situation = cast(Any, SimpleNamespace(version="1", labelled=[]))
    assert _after_refusal("tickets", situation, ledger=ledger) is None
    gate = {"labels_needed": 40}
    ledger.record_promotion("tickets", "2", previous="1", promoted=False, reason="not better", gate=gate)
    for version, previous in (("3", "1"), ("1", "3")):
        ledger.record_promotion("tickets", version, previous=previous, promoted=True, reason="By hand.", gate={})
    assert _after_refusal("tickets", situation, ledger=ledger) == Decision(
        "label", "The gate refused tickets@2: not better", 40
    )
