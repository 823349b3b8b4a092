"""Who sent a request of an operator, for the audit."""

from __future__ import annotations

from starlette.requests import Request

from core.audit.entries import Actor, Via

PAGES = "/dashboard"


def actor_of(request: Request) -> Actor:
    """Of a request that `Access.require` let in."""
    state = request.scope["state"]
    who = state.get("who") or (f"key {state['key']}" if "key" in state else "anyone")
    via: Via = "page" if request.scope["path"].startswith(PAGES) else "http"
    return Actor(who, via, state["request_id"])
