"""Every page in a real browser: nothing on the console, no serious fault of accessibility, nothing wider than it."""

from __future__ import annotations

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.service.browser.conftest import NewPage

PAGES = [
    *("", "/-/jobs", "/-/jobs/1", "/-/audit", "/-/settings", "/-/label", "/-/log-in"),
    *("/tickets", "/tickets/label", "/tickets/label?again=1", "/tickets/history"),
    *("/tickets/versions", "/tickets/versions/2", "/tickets/versions/2/promote"),
    *("/tickets/checks", "/tickets/checks/4"),
]


def serious(found: dict[str, Any]) -> list[str]:
    return [
        f"{fault['id']}: {node['html']}"
        for fault in found["violations"]
        if fault["impact"] in ("serious", "critical")
        for node in fault["nodes"]
    ]


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize(("dark", "width"), [(False, 1280), (True, 390)])
def test_a_page_is_read_by_everyone(new_page: NewPage, filled_server: str, path: str, dark: bool, width: int) -> None:
    page = new_page(dark=dark, width=width)
    page.goto(f"{filled_server}/dashboard{path}")
    assert serious(Axe().run(page).response) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("path", PAGES)
def test_a_page_works_without_scripts(new_page: NewPage, filled_server: str, path: str) -> None:
    page = new_page(scripts=False)
    page.goto(f"{filled_server}/dashboard{path}")
    assert page.locator("h1").count() == 1


def test_the_rooms_of_all_models_stand_in_one_row_on_a_telephone(new_page: NewPage, filled_server: str) -> None:
    page = new_page(width=390)
    page.goto(f"{filled_server}/dashboard")
    tops = page.locator("header nav a").evaluate_all("links => links.map(link => link.getBoundingClientRect().top)")
    assert len(tops) == 4
    assert len(set(tops)) == 1
