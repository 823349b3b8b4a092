"""A headless Chromium of the system, and pages whose faults on the console are kept."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

from service.host.process import running_server
from tests.service.browser.filled_home import Filled, fill
from tests.service.conftest import is_ready, server_config, wait_until

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
WAIT_MS = 30_000
"""Only a fault takes so long."""
NewPage = Callable[..., Page]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Not for the session: as long as Playwright runs, this thread has a running event loop."""
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed")
    with sync_playwright() as started:
        # Tests may run as root in a container, where Chromium's own sandbox cannot begin.
        browser = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def new_page(browser: Browser) -> Iterator[NewPage]:
    """Opens pages, each in a session of its own: `new_page(dark=True, width=390)`. At the end nothing was on the
    console of any, but of those whose server goes away (`may_fail`).
    """
    faults: list[str] = []

    def note(told: ConsoleMessage) -> None:
        if told.type in ("error", "warning"):
            faults.append(f"{told.location['url']}: {told.text}")

    with ExitStack() as opened:

        def make(*, dark: bool = False, width: int = 1280, scripts: bool = True, may_fail: bool = False) -> Page:
            context = browser.new_context(
                viewport={"width": width, "height": 900},
                color_scheme="dark" if dark else "light",
                java_script_enabled=scripts,
            )
            opened.callback(context.close)
            page = context.new_page()
            page.set_default_timeout(WAIT_MS)
            if not may_fail:
                page.on("console", note)
            page.on("pageerror", lambda error: faults.append(str(error)))
            return page

        yield make
        of_test = [*faults]  # a page that closes may call a server that has ended before it
    assert of_test == []


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory, tiny_package: Path, second_package: Path) -> Filled:
    return fill(server_config(tmp_path_factory.mktemp("filled")), [tiny_package, second_package])


@pytest.fixture(scope="session")
def filled_server(filled: Filled) -> Iterator[str]:
    config = filled.home.config
    with running_server(config, log=config.home / "server.log") as url:
        wait_until(lambda: is_ready(url))
        yield url
