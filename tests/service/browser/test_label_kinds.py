"""Labels of models that give several, of pairs, and of five hundred labels, by keyboard."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest

from core.assigned import cells
from core.clock import utc_now
from core.engine import Engine
from core.home import Home
from core.labelling.queue import labels_today
from core.records import FeedbackRecord, PredictionRecord, Wanted
from core.taxonomy import LabelRule
from service.host.process import running_server
from tests.service.browser.conftest import NewPage
from tests.service.browser.keyboard import text_of
from tests.service.conftest import server_config, wait_until
from tests.tasks import TaskFiles, multi_label_rows

PATH = "/dashboard/m/label"
Asked = Callable[..., Home]
Serve = Callable[[Home], str]


@pytest.fixture
def asked(tmp_path: Path) -> Asked:
    """Makes a home with a model `m` that answered texts whose labels are asked for."""

    def make(package: Path, answers: dict[str, str], *, pair: str | None = None) -> Home:
        home = Home(server_config(tmp_path / "home"))
        home.registry.promote("m", home.registry.add(package, "m"))
        vector = np.zeros(4, np.float32)
        records = [
            PredictionRecord(f"{number:032x}", "m", "1", utc_now(), text, label, 0.5, 6, False, vector, pair=pair)
            for number, (text, label) in enumerate(answers.items())
        ]
        home.ledger.record_predictions(records)
        home.ledger.request_labels("m", [Wanted(record.id, "learn") for record in records], check_id=None)
        return home

    return make


@pytest.fixture
def serve() -> Iterator[Serve]:
    with ExitStack() as opened:

        def start(home: Home) -> str:
            config = home.config
            return opened.enter_context(running_server(config, log=config.home / "server.log"))

        yield start


def stored(home: Home) -> dict[str, str]:
    return {row.text: row.label for row in home.ledger.labelled("m")}


def test_several_labels_of_a_text(new_page: NewPage, asked: Asked, serve: Serve, multi_label: TaskFiles) -> None:
    texts = [row.text for row in multi_label_rows(400, seed=9) if row.label == "billing|bug"]
    engine = Engine(multi_label.package)
    answered = cells(engine.answer(texts).predicted, engine.labels)
    both = [text for text, label in zip(texts, answered, strict=True) if label == "billing|bug"][:4]
    home = asked(multi_label.package, dict.fromkeys(both, "billing|bug"))
    page = new_page()
    page.goto(serve(home) + PATH)
    first = text_of(page)
    assert page.locator("#take span").inner_text() == "billing, bug"
    page.keyboard.press("Enter")
    wait_until(lambda: stored(home) == {first: "billing|bug"})

    second = text_of(page)
    for label in ("bug", "how_to"):  # one less, one more
        page.keyboard.type(str(page.locator(f'#choices button[data-label="{label}"]').get_attribute("data-code")))
    assert page.locator("#take span").inner_text() == "billing, how_to"
    page.keyboard.press("Enter")
    wait_until(lambda: stored(home).get(second) == "billing|how_to")

    third = text_of(page)
    for label in ("billing", "bug"):
        page.keyboard.type(str(page.locator(f'#choices button[data-label="{label}"]').get_attribute("data-code")))
    page.keyboard.press("Enter")
    page.get_by_text("No label at all?").wait_for()
    page.keyboard.press("Enter")
    wait_until(lambda: third in stored(home))
    assert stored(home)[third] in ("", "|")

    fourth = text_of(page)
    page.keyboard.press("/")
    page.keyboard.type("speed")
    page.keyboard.press("Enter")
    page.get_by_text("A new label “speed”?").wait_for()
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    wait_until(lambda: stored(home).get(fourth) == "billing|bug|speed")
    page.reload()
    assert page.locator("#choices button").evaluate_all("all => all.map(one => one.dataset.label)") == [
        *("billing", "bug", "how_to", "speed")
    ]


def test_names_that_people_gave_together_are_labels_each(asked: Asked, multi_label: TaskFiles) -> None:
    home = asked(multi_label.package, {"a text": "bug"})
    home.ledger.record_feedback([FeedbackRecord(f"{0:032x}", "bug|speed")])
    assert labels_today(home, "m", with_given=True) == ["billing", "bug", "how_to", "speed"]


def test_a_pair_is_shown_whole(new_page: NewPage, asked: Asked, serve: Serve, paired: TaskFiles) -> None:
    home = asked(paired.package, {"the first": "bug"}, pair="the second <b>")
    page = new_page()
    page.goto(serve(home) + PATH)
    text_of(page)
    assert page.locator("#texts").inner_text().split("\n\n") == ["First", "the first", "Second", "the second <b>"]
    page.keyboard.press("Enter")
    wait_until(lambda: stored(home) == {"the first": "bug"})


def test_each_of_500_labels_takes_two_keys(new_page: NewPage, asked: Asked, serve: Serve, tiny_package: Path) -> None:
    home = asked(tiny_package, {"a text": "bug", "another text": "bug", "a third text": "bug"})
    names = [f"intent {number:03d}" for number in range(500)]
    for name in names:
        home.ledger.rules.add("m", LabelRule("accept", name))
    page = new_page(width=390)
    page.goto(serve(home) + PATH)
    text = text_of(page)
    codes = page.locator("#choices button").evaluate_all("all => all.map(one => one.dataset.code)")
    assert len(codes) == len(set(codes)) > 500
    assert all(len(code) == 2 for code in codes)
    page.keyboard.type(str(page.locator(f'#choices button[data-label="{names[-1]}"]').get_attribute("data-code")))
    wait_until(lambda: stored(home) == {text: names[-1]})
    other = text_of(page)
    page.keyboard.press("/")
    page.keyboard.type("intent 24")  # ten of them
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    wait_until(lambda: stored(home).get(other) == "intent 241")
