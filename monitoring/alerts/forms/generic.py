"""The whole message as JSON, for programs (docs/schemas/alert.schema.json)."""

from __future__ import annotations

from typing import Any

from core.stored import as_stored
from monitoring.alerts.message import Message


class Generic:
    def body(self, message: Message) -> dict[str, Any]:
        stored: dict[str, Any] = as_stored(message)
        return stored
