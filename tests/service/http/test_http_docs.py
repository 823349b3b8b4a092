"""docs/http.md contains every route and metric, docs/dashboard.md those of pages; curl commands work."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import httpx
import pytest

from service.telemetry.metrics import Metrics
from service.worker import Worker
from tests.service.apps import all_routes

DOCS = Path(__file__).parents[3] / "docs"
TEXT, PAGES = (DOCS.joinpath(name).read_text(encoding="utf-8") for name in ("http.md", "dashboard.md"))


def curl_lines() -> list[str]:
    return [line for block in re.findall(r"```sh\n(.*?)```", TEXT, re.S) for line in block.strip().splitlines()]


def call(line: str, server: str) -> httpx.Response:
    """Send the request of a curl command with -X, -H and -d."""
    words = iter(shlex.split(line)[1:])
    method, headers, body, url = None, {}, None, ""
    for word in words:
        if word == "-X":
            method = next(words)
        elif word == "-H":
            name, _, value = next(words).partition(": ")
            headers[name] = value
        elif word == "-d":
            body = next(words)
        elif word != "-s":
            url = word.replace("http://127.0.0.1:3000", server)
    return httpx.request(method or ("POST" if body else "GET"), url, headers=headers, content=body)


def test_every_route_is_documented(worker: Worker) -> None:
    wanted = {f"`{route.method} {route.path}`" for route in all_routes(worker)}
    assert {name for name in wanted if name not in TEXT and name not in PAGES} == set()


def test_every_metric_is_documented() -> None:
    names = re.findall(r"^# HELP (\w+)", Metrics().page().decode(), re.M)
    assert [name for name in names if not name.endswith("_created") and f"`{name}`" not in TEXT] == []


@pytest.mark.parametrize("line", curl_lines())
def test_each_curl_line_works(line: str, server: str) -> None:
    answer = call(line, server)
    # The prediction id in the feedback command is an example.
    expected = "unknown_prediction" if "/feedback" in line else None
    assert answer.status_code < 300 or answer.json()["error"]["code"] == expected, answer.text
