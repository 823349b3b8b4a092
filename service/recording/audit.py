"""Changes of operators in the audit; what is not in the ledger is told in the log."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from core.audit.entries import NO_FACTS, Action, Actor, record
from core.home import Home

logger = logging.getLogger(__name__)


def audited(
    home: Home,
    actor: Actor,
    action: Action,
    model: str | None = None,
    facts: Mapping[str, Any] = NO_FACTS,
    *,
    is_away: bool = False,
) -> None:
    """As `core.audit.entries.record`."""
    if problem := record(home, actor, action, model, facts, is_away=is_away):
        logger.error("A change (%s) is not in the audit: %s", action, problem)
