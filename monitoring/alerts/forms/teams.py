"""Microsoft Teams' webhooks of Workflows: an adaptive card."""

from __future__ import annotations

from typing import Any

from monitoring.alerts.message import Message


class Teams:
    def body(self, message: Message) -> dict[str, Any]:
        title = {"type": "TextBlock", "text": message.title, "weight": "Bolder", "wrap": True}
        card = {
            "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
            "type": "AdaptiveCard",
            "version": "1.4",
            "body": [title, {"type": "TextBlock", "text": message.text, "wrap": True}],
        }
        kind = "application/vnd.microsoft.card.adaptive"
        return {"type": "message", "attachments": [{"contentType": kind, "content": card}]}
