"""Slack's incoming webhooks, also understood by Mattermost, Rocket.Chat and Discord's `/slack` addresses."""

from __future__ import annotations

from typing import Any

from monitoring.alerts.message import Message

ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


class Slack:
    def body(self, message: Message) -> dict[str, Any]:
        title, text = message.title.translate(ESCAPES), message.text.translate(ESCAPES)
        return {"text": f"*{title}*\n{text}"}
