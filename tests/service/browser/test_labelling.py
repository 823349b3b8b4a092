"""People who label by keyboard in a real browser, against a real server that may go away."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from playwright.sync_api import APIResponse, Route
from sqlalchemy import select

from core.api_keys import add_key
from core.config import Config
from core.records import FeedbackRecord
from core.schema import feedback
from service.host.process import running_server
from tests.service.browser.conftest import NewPage
from tests.service.browser.keyboard import give, text_of
from tests.service.browser.many_labels import ASKED, LABELS, Waiting, package_of, waiting
from tests.service.conftest import is_ready, server_config, wait_until

PATH = "/dashboard/banking/label"


@pytest.fixture(scope="session")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return package_of(tmp_path_factory.mktemp("banking"))


@pytest.fixture
def asked(tmp_path: Path, package: Path) -> Waiting:
    return waiting(server_config(tmp_path / "home"), package)


@pytest.fixture
def url(asked: Waiting) -> Iterator[str]:
    with running(asked.home.config) as url:
        yield url


def running(config: Config):  # type: ignore[no-untyped-def]  # the context manager of `running_server`
    return running_server(config, log=config.home / "server.log")


def wait_stored(asked: Waiting, count: int) -> None:
    wait_until(lambda: len(asked.stored()) >= count)


@pytest.mark.slow
def test_120_texts_of_77_labels_take_few_keys(new_page: NewPage, url: str, asked: Waiting) -> None:
    assert len(set(asked.truth.values())) > 60
    page = new_page()
    page.goto(url + PATH)
    right, wrong = list[int](), list[int]()
    for _ in range(ASKED):
        label = asked.truth[text_of(page)]
        is_right = page.locator("#take span").inner_text() == label
        (right if is_right else wrong).append(give(page, label))
    assert min(len(right), len(wrong)) >= 20
    assert set(right) == {1}
    assert max(wrong) <= 3
    wait_stored(asked, ASKED)
    assert asked.stored() == asked.truth


def test_a_label_is_found_by_its_name(new_page: NewPage, url: str, asked: Waiting) -> None:
    page = new_page()
    page.goto(url + PATH)
    text = text_of(page)
    page.keyboard.press("/")
    page.keyboard.type("cash_lo")
    page.keyboard.press("Enter")
    wait_stored(asked, 1)
    assert asked.stored() == {text: "cash_lost"}


def test_the_text_stays_when_a_name_is_typed(new_page: NewPage, url: str, asked: Waiting) -> None:
    page = new_page()
    page.goto(url + PATH)
    text = text_of(page)
    with page.expect_response("**/label/next") as answer:
        page.get_by_label("Your name").fill("Ann")
        page.keyboard.press("Tab")
    assert len(answer.value.json()["texts"]) == 8
    assert (text_of(page), page.locator("#told").inner_text()) == (text, "")


def test_an_answer_is_taken_back(new_page: NewPage, url: str, asked: Waiting) -> None:
    page = new_page()
    page.goto(url + PATH)
    text = text_of(page)
    give(page, asked.truth[text])
    wait_stored(asked, 1)
    page.reload()
    text_of(page)
    page.keyboard.press("u")
    page.wait_for_function("text => document.querySelector('#texts .words')?.innerText === text", arg=text)
    wait_until(lambda: asked.stored() == {})


def test_the_end_is_seen_though_texts_were_fetched_before_it(new_page: NewPage, url: str, asked: Waiting) -> None:
    """Texts that came while answers were on their way may be those that these answers label."""
    left = 8
    for number in range(left, ASKED):
        asked.home.ledger.record_feedback([FeedbackRecord(f"{number:032x}", LABELS[0])])
    page, held = new_page(), list[tuple[Route, APIResponse]]()
    page.goto(url + PATH)
    text_of(page)
    page.route("**/label/next", lambda route: held.append((route, route.fetch())) if not held else route.continue_())
    for _ in range(left):
        give(page, asked.truth[text_of(page)])
    wait_stored(asked, ASKED)
    page.get_by_text("All answers are stored.").wait_for()
    ((route, answer),) = held
    route.fulfill(response=answer)
    page.get_by_text("Nothing is left to label here now.").wait_for()


@pytest.mark.slow
def test_two_people_never_get_the_same_text(new_page: NewPage, url: str, asked: Waiting) -> None:
    pages = []
    add_key(asked.home.config.keys_file, "boss", ["admin"])
    for name in ("anna", "ben"):
        _, credential = add_key(asked.home.config.keys_file, name, ["label"])
        page = new_page()
        page.goto(url + "/dashboard")
        page.get_by_label("Admin token").fill(credential)
        page.keyboard.press("Enter")
        page.get_by_role("link", name="banking").first.click()
        pages.append(page)
    second = pages[1].context.new_page()  # another window of the same person
    second.goto(url + PATH)
    pages.append(second)
    seen = Counter[str]()
    for _ in range(10):
        shown = [text_of(page) for page in pages]
        seen.update(shown)
        for page, text in zip(pages, shown, strict=True):
            give(page, asked.truth[text])
    wait_stored(asked, 30)
    assert max(seen.values()) == 1
    with asked.home.ledger.database.read() as connection:
        sources = Counter(connection.execute(select(feedback.c.source)).scalars())
    assert sources == {"anna": 10, "ben": 20}


@pytest.mark.slow
def test_nothing_is_lost_while_the_ledger_is_away(new_page: NewPage, url: str, asked: Waiting) -> None:
    page = new_page(may_fail=True)
    page.goto(url + PATH)
    text_of(page)
    with closing(sqlite3.connect(asked.home.folder / "ledger.db", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        given = [text_of(page)]
        give(page, asked.truth[given[0]])
        page.get_by_text("1 answer waits in this browser").wait_for()
        other.execute("ROLLBACK")
    wait_stored(asked, 1)
    page.get_by_text("All answers are stored.").wait_for()
    assert asked.stored() == {given[0]: asked.truth[given[0]]}


@pytest.mark.slow
def test_nothing_is_lost_when_server_and_tab_end(new_page: NewPage, asked: Waiting) -> None:
    config, given = asked.home.config, dict[str, str]()
    page = new_page(may_fail=True)
    with running(config) as url:
        page.goto(url + PATH)
        text_of(page)
    for _ in range(2):
        text = text_of(page)
        given[text] = asked.truth[text]
        give(page, given[text])
    context = page.context
    page.close()
    with running(config) as url:
        wait_until(lambda: is_ready(url))
        page = context.new_page()
        page.goto(url + PATH)
        text_of(page)
        wait_stored(asked, 2)
    assert asked.stored() == given
