"""Sends the forms of pages, as a browser does."""

from __future__ import annotations

import re
from typing import Any

from starlette.testclient import TestClient

ORIGIN = {"Origin": "http://localhost:3000"}
TOKEN = re.compile(r'name="form_token" value="([^"]*)"')


def form_token(page: str) -> str:
    found = TOKEN.search(page)
    assert found is not None, "the page has no form"
    return found[1]


def send(client: TestClient, path: str, *, page: str = "/dashboard/tickets", **fields: Any) -> Any:
    """Send a form of a page with the token of that page; redirects are not followed."""
    token = form_token(client.get(page).text)
    return client.post(path, data={"form_token": token, **fields}, headers=ORIGIN, follow_redirects=False)
