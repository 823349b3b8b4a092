"""From an alarm to a better model and back, in a real browser, with nothing but clicks and keys."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.service.browser.conftest import NewPage
from tests.service.browser.keyboard import give, text_of
from tests.service.conftest import free_port, is_ready, wait_until

ROOT = Path(__file__).parents[3]
TICKETS = ROOT / "examples" / "tickets"
SETTINGS = """
[policy]
mode = "ask"
cooldown = "1m"

[drift]
interval_s = 3
"""
LIMIT_S = 900.0
"""Only a fault takes so long."""


def command(folder: Path, *words: str) -> list[str]:
    return [sys.executable, "-m", "cli", "--home", str(folder / "home"), *words]


@contextmanager
def deployed(folder: Path) -> Iterator[str]:
    """The URL of `retune up` with a model of the older tickets."""
    (folder / "retune.toml").write_text(SETTINGS)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "RETUNE_SERVICE__WORKERS": "1"}
    made = command(folder, "deploy", str(TICKETS / "train.csv"), "--model", "tickets", "--method", "features")
    reference = ["--rung", "fp32", "--reference", str(TICKETS / "reference.csv")]
    subprocess.run([*made, *reference], cwd=folder, env=environment, check=True, timeout=LIMIT_S)
    port = free_port()
    with (folder / "up.txt").open("w") as log:
        up = subprocess.Popen(
            command(folder, "up", "--port", str(port)), cwd=folder, env=environment, stdout=log, stderr=log
        )
        try:
            wait_until(lambda: is_ready(f"http://127.0.0.1:{port}"), timeout_s=120)
            yield f"http://127.0.0.1:{port}"
        finally:
            up.send_signal(signal.SIGINT)
            up.wait(LIMIT_S)


def rows() -> dict[str, str]:
    """The right label of each newer ticket."""
    with (TICKETS / "fresh.csv").open(encoding="utf-8") as file:
        return {row["text"]: row["label"] for row in csv.DictReader(file)}


def ask(url: str, texts: list[str]) -> None:
    for start in range(0, len(texts), 8):
        body = json.dumps({"model": "tickets", "texts": texts[start : start + 8]}).encode()
        request = urllib.request.Request(f"{url}/predict", body, {"Content-Type": "application/json"})
        urllib.request.urlopen(request).close()


def label_all(page: Page, truth: dict[str, str]) -> int:
    """Label by keyboard until nothing is left; the number of texts."""
    page.get_by_role("link", name="Label").first.click()
    count = 0
    while True:
        page.wait_for_function(
            "() => !document.querySelector('#task').hidden"
            " || document.querySelector('#nothing').innerText.startsWith('Nothing is left')"
        )
        if page.locator("#task").is_hidden():
            break
        give(page, truth[text_of(page)])
        count += 1
    page.get_by_text("All answers are stored.").wait_for()
    return count


@pytest.mark.slow
def test_a_better_model_goes_into_service_by_clicks_and_keys(new_page: NewPage, tmp_path: Path) -> None:
    truth = rows()
    with deployed(tmp_path) as url:
        page = new_page(may_fail=True)  # on a busy machine the ledger may be locked for a while
        page.goto(f"{url}/dashboard")
        ask(url, list(truth))
        expect(page.get_by_text("drifted")).to_be_visible(timeout=120_000)  # by itself: the page follows
        labelled = label_all(page, truth)
        page.get_by_role("link", name="Overview").click()
        deadline = time.monotonic() + LIMIT_S
        while (champion := page.locator("dd").first.inner_text()) == "1":
            assert time.monotonic() < deadline
            accept = page.locator("button.prompt")
            if accept.count():
                accept.first.click()
            elif page.locator("a.button.prompt", has_text="Label").count():
                labelled += label_all(page, truth)
                page.get_by_role("link", name="Overview").click()
            page.wait_for_timeout(1000)
        assert labelled <= 240
        page.get_by_role("link", name="Versions").click()
        page.get_by_role("link", name=f"Version {champion}", exact=True).click()
        expect(page.get_by_role("heading", name="Gate")).to_be_visible()
        page.get_by_role("link", name="Roll back").first.click()
        page.locator("form button.prompt").click()
        page.get_by_role("link", name="Overview").click()
        expect(page.locator("dd").first).to_have_text("1")
