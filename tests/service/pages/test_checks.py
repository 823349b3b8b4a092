from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from starlette.testclient import TestClient

from core.accumulated import Accumulated
from core.changes import Change, Group
from core.clock import utc_now
from core.config import Config, DriftConfig
from core.home import Home
from core.ledger import Ledger
from core.records import Decision, Evidence, PredictionRecord, Repetition, Verdict
from core.share import Share
from service.pages.check_facts import check_view
from service.worker import Worker

DRIFT = Verdict(
    "drift",
    0.001,
    340,
    520,
    [Evidence("predicted labels", "chi-square", 9.1, 0.001, True, "'<bug>' grew.")],
    Share(0.842, 0.791, 0.887),
    "It <b>moved</b>.",
    Repetition(400, 340, 7),
    level=0.004,
    accumulated=Accumulated(share=0.5),
    since="2026-01-31T09:30:00.000000+00:00",
    by_label={"bug": 0.61},
)
CHANGES = [
    Change(
        "new topics",
        0.05,
        0.002,
        "20 texts form a group.",
        groups=[Group(20, 0.05, ["p1", "erased"], {"<bug>": 20}, 0.4, ["robot", "<i>arm</i>"])],
        rose=["robots"],
        labels=["bug"],
    )
]


@pytest.fixture
def ledger(worker: Worker) -> Ledger:
    return worker.home.ledger


def add(ledger: Ledger, verdict: Verdict = DRIFT, *, source: str = "traffic", **more: str) -> int:
    return ledger.record_check("tickets", "1", verdict, source=source, **more)  # type: ignore[arg-type]  # texts


def predict(ledger: Ledger, *ids: str, text: str = "My <b>robot</b> is stuck", label: str = "bug") -> None:
    vector = np.zeros(4, np.float32)
    ledger.record_predictions(
        [PredictionRecord(one, "tickets", "1", utc_now(), f"{text} {one}", label, 0.4, 6, False, vector) for one in ids]
    )


def test_all_checks_of_a_model_are_listed_in_pages(client: TestClient, ledger: Ledger) -> None:
    for _ in range(3):
        add(ledger)
    add(ledger, source="<old>.csv")
    page = client.get("/dashboard/tickets/checks?limit=2").text
    assert re.findall(r'href="/dashboard/tickets/checks/(\d+)"', page) == ["4", "3"]
    assert "&lt;old&gt;.csv" in page
    assert "31 Jan 2026, 09:30 UTC" in page
    assert 'href="/dashboard/tickets/checks?limit=2&amp;before=3"' in page
    page = client.get("/dashboard/tickets/checks?limit=2&before=3").text
    assert re.findall(r'href="/dashboard/tickets/checks/(\d+)"', page) == ["2", "1"]
    assert "There is no older check." in client.get("/dashboard/tickets/checks?before=1").text


def test_checks_of_traffic_and_of_files_can_be_told_apart(client: TestClient, ledger: Ledger) -> None:
    add(ledger)
    add(ledger, source="old.csv")
    add(ledger)
    for of, ids in (("traffic", ["3", "1"]), ("files", ["2"])):
        page = client.get(f"/dashboard/tickets/checks?of={of}").text
        assert re.findall(r'href="/dashboard/tickets/checks/(\d+)"', page) == ids
        assert f'href="/dashboard/tickets/checks?of={of}" aria-current="true"' in page


def test_a_model_without_checks_says_what_makes_one(client: TestClient, worker: Worker) -> None:
    assert "<code>retune monitor</code>" in client.get("/dashboard/tickets/checks").text
    assert "retune drift --model tickets" in client.get("/dashboard/tickets/checks?of=files").text


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=x", "limit=201", "before=-1", "before=²", "of=both", "of=<script>", "page=2", "limit="]
)
def test_odd_parameters_are_refused_in_words(client: TestClient, query: str) -> None:
    answer = client.get(f"/dashboard/tickets/checks?{query}")
    assert answer.status_code == 400
    assert "arameter" in answer.text
    assert "<script>" not in answer.text


def test_a_check_shows_everything_it_found(client: TestClient, ledger: Ledger) -> None:
    predict(ledger, "p1")
    check = add(ledger, replace(DRIFT, changes=CHANGES, not_compared="Markup was not compared."))
    ledger.record_decision("tickets", Decision("label", "40 labels <would> tell.", 40), check_id=check)
    page = client.get(f"/dashboard/tickets/checks/{check}").text
    assert "It &lt;b&gt;moved&lt;/b&gt;." in page
    assert "&#39;&lt;bug&gt;&#39; grew." in page
    assert "50.0 % of the evidence that alarms" in page
    assert "alarms from p = 0.004 down: the sooner a check follows the one before" in page
    assert "It began about 31 Jan 2026, 09:30 UTC" in page
    assert "400 predictions of 340 different texts; the most frequent one came 7 times." in page
    assert "84.2 %" in page
    assert "<td>bug</td><td>61.0 %</td>" in page
    assert "label 40" in page
    assert "40 labels &lt;would&gt; tell." in page
    assert "Markup was not compared." in page


@pytest.mark.parametrize(("source", "level"), [("old.csv", 0.004), ("traffic", 0.05)])
def test_a_level_that_is_set_is_not_explained_by_the_schedule(
    worker: Worker, config: Config, ledger: Ledger, source: str, level: float
) -> None:
    check = add(ledger, replace(DRIFT, level=level), source=source)
    home = Home(config.model_copy(update={"drift": DriftConfig(alpha=0.05)}))
    assert not check_view(home, "tickets", check).has_shared_level


def test_the_decision_that_followed_a_check_comes_before_later_ones(client: TestClient, ledger: Ledger) -> None:
    check = add(ledger)
    page = f"/dashboard/tickets/checks/{check}"
    ledger.record_decision("tickets", Decision("label", "40 labels would tell.", 40), check_id=check)
    assert "Decided anew" not in client.get(page).text
    ledger.record_decision("tickets", Decision("retrain", "It lost 9 points."), check_id=check)
    shown = client.get(page).text
    assert shown.index("40 labels would tell.") < shown.index("Decided anew since") < shown.index("It lost 9 points.")


@pytest.mark.parametrize(
    ("verdict", "why"),
    [
        (replace(DRIFT, estimated_accuracy=None), "too few rows of version 1&#39;s reference have a label"),
        (Verdict("insufficient_data", rows=4), "they are too few to be judged"),
    ],
)
def test_a_missing_estimate_says_why(client: TestClient, ledger: Ledger, verdict: Verdict, why: str) -> None:
    page = client.get(f"/dashboard/tickets/checks/{add(ledger, verdict)}").text
    assert f"no estimate of the accuracy on these rows: {why.replace('&#39;', chr(39))}" in page


def test_a_group_is_shown_with_its_texts_as_far_as_they_are_kept(client: TestClient, ledger: Ledger) -> None:
    predict(ledger, "p1")
    check = add(ledger, replace(DRIFT, changes=CHANGES))
    page = client.get(f"/dashboard/tickets/checks/{check}").text
    assert "Group of 20 texts, 5.0 % of the different ones" in page
    assert "My &lt;b&gt;robot&lt;/b&gt; is stuck p1" in page
    assert re.search(r'The text is not kept\. <code class="soft">erased</code>', page)
    assert "&lt;i&gt;arm&lt;/i&gt;" in page
    assert "&lt;bug&gt; (20)" in page
    assert "mean confidence of 40 %" in page


def test_the_rows_of_a_file_are_named_by_their_numbers(client: TestClient, ledger: Ledger) -> None:
    change = replace(CHANGES[0], groups=[], examples=["17"])
    check = add(ledger, replace(DRIFT, changes=[change]), source="old.csv")
    page = client.get(f"/dashboard/tickets/checks/{check}").text
    assert '<code class="soft">row 17</code>' in page
    assert "A check of a file leads to no decision." in page


def test_the_shares_of_labels_are_compared_with_the_reference(client: TestClient, ledger: Ledger) -> None:
    ids = [f"{number:032x}" for number in range(8)]
    predict(ledger, *ids[:6], label="bug")
    predict(ledger, *ids[6:], label="billing")
    check = add(ledger, replace(DRIFT, rows=8, repetition=Repetition(8, 8, 1)), window_end=ids[-1])
    page = client.get(f"/dashboard/tickets/checks/{check}").text
    found = dict(re.findall(r"<tr><td>(\w+)</td><td>[\d.]+ %</td><td>([\d.]+) %</td>", page))
    assert found == {"bug": "75.0", "billing": "25.0", "how_to": "0.0"}


def test_a_check_of_a_deleted_version_is_shown_without_shares(client: TestClient, ledger: Ledger) -> None:
    check = ledger.record_check("tickets", "9", DRIFT, source="traffic")
    answer = client.get(f"/dashboard/tickets/checks/{check}")
    assert answer.status_code == 200
    assert "Labels before and after" not in answer.text


def test_the_report_is_marked_as_what_it_is(client: TestClient, ledger: Ledger, config: Config) -> None:
    check = add(ledger, report="reports/tickets/1.html")
    page = client.get(f"/dashboard/tickets/checks/{check}").text
    assert f"<code>retune report --check {check}</code>" in page
    (config.home / "reports/tickets").mkdir(parents=True)
    (config.home / "reports/tickets/1.html").write_text("<h1>Evidently</h1>")
    page = client.get(f"/dashboard/tickets/checks/{check}").text
    assert f'href="/dashboard/tickets/reports/{check}"' in page
    assert "the verdict above does not come from it" in page


@pytest.mark.parametrize("check_id", ["7", "0", "-1", "x", "9" * 30, "²", "1.5", "<script>"])
def test_a_check_that_does_not_exist_is_404(client: TestClient, check_id: str) -> None:
    answer = client.get(f"/dashboard/tickets/checks/{check_id}")
    assert answer.status_code == 404
    assert "There is no check" in answer.text
    assert "<script>" not in answer.text


def test_a_check_of_another_model_is_not_shown(client: TestClient, ledger: Ledger) -> None:
    check = ledger.record_check("others", "1", DRIFT, source="traffic")
    assert client.get(f"/dashboard/tickets/checks/{check}").status_code == 404


def test_without_the_ledger_the_pages_say_why(client: TestClient, config: Config) -> None:
    (config.home / "ledger.db").mkdir(parents=True)
    for path in ("checks", "checks/1"):
        answer = client.get(f"/dashboard/tickets/{path}")
        assert answer.status_code == 503
        assert "ledger" in answer.text
