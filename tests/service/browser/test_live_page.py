"""A page that follows what happens."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import APIResponse, Request, Route

from core.records import Decision
from service.host.process import running_server
from tests.service.browser.conftest import NewPage
from tests.service.browser.filled_home import fill
from tests.service.conftest import is_ready, server_config, wait_until

SOON_MS = 15_000
"""Half of what a page lets pass that waits for nothing."""


def test_what_happens_during_a_look_is_shown(
    new_page: NewPage, tmp_path: Path, tiny_package: Path, second_package: Path
) -> None:
    filled = fill(server_config(tmp_path / "home"), [tiny_package, second_package])
    ledger = filled.home.ledger
    held = list[tuple[Route, APIResponse]]()

    def hold(route: Route) -> None:
        if held:
            route.continue_()
        else:
            held.append((route, route.fetch()))

    def happens(reason: str) -> None:
        ledger.record_decision("tickets", Decision("watch", reason), check_id=None)

    with running_server(filled.home.config, log=tmp_path / "server.log") as url:
        wait_until(lambda: is_ready(url))
        page = new_page()
        page.goto(f"{url}/dashboard/tickets")
        page.wait_for_timeout(2_500)  # events of the first two seconds tell what the page shows already
        page.route(lambda address: address == page.url, hold)
        with page.expect_event("request", is_look):
            happens("The first thing.")
        while not held:
            page.wait_for_timeout(50)
        happens("The second thing.")
        page.wait_for_timeout(3_000)  # the page would look again
        ((route, answer),) = held
        route.fulfill(response=answer)
        page.get_by_text("The second thing.").first.wait_for(timeout=SOON_MS)


def is_look(request: Request) -> bool:
    return request.resource_type == "fetch" and request.url.endswith("/dashboard/tickets")
