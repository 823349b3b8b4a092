"""The Protocol of the forms in which webhooks want a message."""

from __future__ import annotations

from typing import Any, Protocol

from monitoring.alerts.message import Message


class Form(Protocol):
    def body(self, message: Message) -> dict[str, Any]:
        """The JSON object that is posted."""
        ...
