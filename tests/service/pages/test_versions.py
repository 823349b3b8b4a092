"""The list of versions, and two of them side by side."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from core.config import Config
from core.ledger import Ledger
from core.ledger_tables.incidents import Incidents
from core.lineage import DataSet, Lineage, TrainingData
from core.package import read_facts
from core.records import FeedbackRecord
from core.registry import Registry
from core.taxonomy import LabelRule
from service.worker import Worker
from tests.service.conftest import Variant
from tests.service.pages.gated import judge, predict

LIST = "/dashboard/tickets/versions"
PAGE = f"{LIST}/2"


@pytest.fixture
def ledger(worker: Worker) -> Ledger:
    return worker.home.ledger


@pytest.fixture
def two(registry: Registry, second_package: Path) -> Registry:
    """Version 1 is in service, version 2 is not."""
    registry.add(second_package, "tickets")
    return registry


def test_the_list_shows_what_became_of_each_version(client: TestClient, two: Registry, ledger: Ledger) -> None:
    judge(ledger, reason="It <b>may</b> be chance.")
    incident = {"previous": "1", "guard_id": None, "cause": "accuracy", "reason": "Fewer right.", "done": "Back."}
    Incidents(ledger.database).add("tickets", "2", action="rolled back", **incident)  # type: ignore[arg-type]  # one of its names
    page = client.get(LIST).text
    assert page.index("Version 2") < page.index("Version 1")
    assert page.count('<span class="pill ok">champion</span>') == 1
    assert "gate: hold" in page
    assert "Gate, against version 1: It &lt;b&gt;may&lt;/b&gt; be chance." in page
    assert "rolled back by the guard" in page
    assert re.search(r"Accuracy at export</dt><dd>[0-9.]+ % \([0-9.]+ % to [0-9.]+ %\)", page)
    assert "features, 90 rows, 3 labels" in page


def test_a_long_list_has_pages(client: TestClient, two: Registry) -> None:
    page = client.get(f"{LIST}?limit=1").text
    assert ("Version 2" in page, "Version 1" in page, 'href="?before=2"' in page) == (True, False, True)
    page = client.get(f"{LIST}?before=2").text
    assert ("Version 2" in page, "Version 1" in page, "before=" in page) == (False, True, False)
    for query in ("before=x", "before=0", "limit=999", "from=1"):
        assert client.get(f"{LIST}?{query}").status_code == 400


def test_a_version_is_shown_beside_the_champion_with_the_gates_numbers(
    client: TestClient, two: Registry, ledger: Ledger
) -> None:
    judge(ledger)
    page = client.get(PAGE).text
    assert "beside tickets@1" in page
    row = re.search(r'<th scope="row">fresh</th>(.*?)</tr>', page, re.DOTALL)
    assert row is not None
    assert re.findall(r"<td>(.*?)</td>", row[1]) == ["40", "75.0 %", "85.0 %", "7", "3", "0.17"]
    assert "About 12 more labels would settle it." in page
    assert "<bdi>how_to</bdi>: of 9 rows 8 were right and 2 are." in page
    assert "Set aside, because they have too few rows: <bdi>&lt;rare&gt;</bdi> (1)." in page
    assert "<code>seed</code> 7 → 0" in page


def test_each_part_names_the_versions_that_it_is_about(
    client: TestClient, two: Registry, ledger: Ledger, variant: Variant
) -> None:
    two.add(variant(max_length=40), "tickets")
    judge(ledger, ids=predict(ledger, ["my card"]), version="3")
    page = client.get(f"{LIST}/3?against=2").text
    headings = [re.sub(r"<.*?>", "", found) for found in re.findall(r"<h[12]>(.*?)</h[12]>", page)]
    assert headings == [
        "tickets@3 beside tickets@2",
        "State",
        "Gate: tickets@3 against tickets@1",
        "Metrics of tickets@2 and tickets@3",
        "Texts on which tickets@1 and tickets@3 differ",
        "What changed in the training from tickets@2 to tickets@3",
        "Lineage of tickets@2 and tickets@3",
    ]
    assert "The gate did not compare tickets@3 with tickets@2." in page
    assert "Other than in the training of tickets@1:" in page
    assert "The gate did not compare" not in client.get(f"{LIST}/3?against=1").text


def test_labels_are_compared_on_the_same_reference(client: TestClient, two: Registry, variant: Variant) -> None:
    first, second, third = read_facts(two.folder("tickets", "1")).labels
    lineage = read_facts(two.folder("tickets", "1")).lineage
    two.add(variant(labels=[second, first, f"{third}<s>"], golden=[], lineage=lineage), "tickets")
    page = client.get(f"{LIST}/3").text
    assert f"Labels added: {third}&lt;s&gt;." in page
    assert re.search(rf"<bdi>{third}</bdi> <span class=\"pill drift\">gone</span>", page)
    assert re.search(r"on the same \d+ labelled rows: \d+ won, \d+ lost", page)
    assert "Confusion that changed" in page


def test_other_references_are_not_compared_row_by_row(client: TestClient, two: Registry, variant: Variant) -> None:
    lineage = read_facts(two.folder("tickets", "1")).lineage
    two.add(variant(lineage=replace(lineage, reference=DataSet("f" * 64, 30))), "tickets")
    page = client.get(f"{LIST}/3").text
    assert "each on the labelled rows of its own reference" in page
    assert "Confusion that changed" not in page


def test_numbers_of_rows_that_differ_say_what_they_count(
    client: TestClient, two: Registry, ledger: Ledger, variant: Variant
) -> None:
    lineage = read_facts(two.folder("tickets", "1")).lineage
    rows = lineage.reference.rows
    data = replace(lineage.data, train_rows=160, validation_rows=40)
    two.add(variant(lineage=replace(lineage, data=data, reference=DataSet("f" * 64, rows + 90))), "tickets")
    judge(ledger, version="3")
    page = client.get(f"{LIST}/3").text
    assert "was trained by head on 200 rows, of which 40 were held back to validate it in" in page
    labelled = re.search(r"labelled rows of its own reference \((\d+)(?: of \d+)? and (\d+) of (\d+)\)", page)
    assert labelled is not None
    assert int(labelled[3]) == rows + 90
    assert labelled[1] == labelled[2]


def test_texts_on_which_they_differ_are_shown_with_who_is_right(
    client: TestClient, two: Registry, ledger: Ledger
) -> None:
    texts = ["<script>x</script> my card", "مرحبا", "w" * 20_000, "", *(f"text {number}" for number in range(30))]
    ids = predict(ledger, texts)
    judge(ledger, ids=[*ids, "gone"])
    given = {ids[0]: "billing", ids[1]: "bug", ids[2]: "how_to"}
    ledger.record_feedback([FeedbackRecord(key, label) for key, label in given.items()])
    page = client.get(PAGE).text
    assert "They differ on 35 of 90 held-out texts" in page
    assert "They differ on 35, so it is at most 38.9 points." in page
    assert "Of 3 with a label, tickets@2 alone is right on 1, tickets@1 alone on 1, neither on 1." in page
    assert '<p class="text" dir="auto">&lt;script&gt;x&lt;/script&gt; my card</p>' in page
    assert "and 16,000 more characters" in page
    assert "The text is not kept" in page
    assert "texts=2#texts" in page
    assert len(page) < 300_000
    last = client.get(f"{PAGE}?texts=2").text
    assert "This text was erased." in last
    assert client.get(f"{PAGE}?texts=99").text.count("<li>") == last.count("<li>")
    assert client.get(f"{PAGE}?texts=0").status_code == 400


def test_a_label_of_another_prediction_of_the_text_counts(client: TestClient, two: Registry, ledger: Ledger) -> None:
    """So it does for the gate."""
    first, again, other = predict(ledger, ["my card", "My  card", "a refund"])
    judge(ledger, ids=[first, other])
    ledger.record_feedback([FeedbackRecord(again, "billing")])
    assert "Of 1 with a label, tickets@2 alone is right on 1" in client.get(PAGE).text
    ledger.record_feedback([FeedbackRecord(first, "bug")])
    assert "Of 1 with a label, tickets@2 alone is right on 0, tickets@1 alone on 1" in client.get(PAGE).text


def test_labels_have_their_names_of_today(client: TestClient, two: Registry, ledger: Ledger) -> None:
    judge(ledger, ids=predict(ledger, ["my card"]))
    ledger.rules.add("tickets", LabelRule("rename", "billing", "payment"))
    page = client.get(PAGE).text
    assert "tickets@2: <bdi>payment</bdi>" in page
    assert "<bdi>billing</bdi>" not in page


def test_sources_of_the_labels_are_named(client: TestClient, two: Registry, ledger: Ledger) -> None:
    ids = predict(ledger, ["a", "b", "c"])
    ledger.record_feedback([FeedbackRecord(ids[0], "bug", "<anna>"), FeedbackRecord(ids[1], "bug", "ben")])
    judge(ledger)
    ledger.record_feedback([FeedbackRecord(ids[2], "bug", "later")])
    page = client.get(PAGE).text
    assert "<bdi>&lt;anna&gt;</bdi> 1, <bdi>ben</bdi> 1." in page
    assert "later</bdi>" not in page


def test_a_deleted_version_keeps_its_history(client: TestClient, two: Registry, ledger: Ledger) -> None:
    judge(ledger)
    two.remove("tickets", "2")
    assert "1 deleted version" in client.get(LIST).text
    page = client.get(PAGE).text
    assert "its package is gone" in page
    assert "About 12 more labels" in page
    assert "Put in service" not in page
    assert "there is nothing to compare with" in client.get(f"{LIST}/1?against=2").text


def test_a_version_that_cannot_be_read_says_so(client: TestClient, two: Registry, worker: Worker) -> None:
    (worker.config.home / "registry/tickets/versions/2/package.json").write_text("{}")
    assert "package.json does not fit" in client.get(LIST).text
    page = client.get(PAGE)
    assert (page.status_code, "package.json does not fit" in page.text) == (200, True)
    assert "tickets@2 cannot be compared" in client.get(f"{LIST}/1?against=2").text


def test_a_version_of_an_earlier_release_shows_what_it_has(
    client: TestClient, registry: Registry, variant: Variant
) -> None:
    registry.add(
        variant(metrics={}, lineage=Lineage(data=TrainingData(findings=[{}, {"check": "<copies>"}]))), "tickets"
    )
    assert "not recorded" in client.get(LIST).text
    page = client.get(PAGE).text
    assert "recorded no lineage" in page
    assert "&lt;copies&gt;" in page
    assert "each on the labelled rows of its own reference" in page


def test_a_model_without_champion_prompts_to_choose_one(
    client: TestClient, registry: Registry, tiny_package: Path
) -> None:
    registry.add(tiny_package, "other")
    assert "No version is in service" in client.get("/dashboard/other/versions").text
    page = client.get("/dashboard/other/versions/1").text
    assert 'href="/dashboard/other/versions/1/promote"' in page
    assert 'href="/dashboard/other/versions"' in client.get("/dashboard/other").text


def test_without_the_ledger_the_packages_are_still_compared(client: TestClient, two: Registry, config: Config) -> None:
    (config.home / "ledger.db").mkdir(parents=True)
    assert "nothing can be changed on pages" in client.get(LIST).text
    page = client.get(PAGE)
    assert (page.status_code, "On the reference" in page.text) == (200, True)


@pytest.mark.parametrize("path", ["versions/9", "versions/x", "versions/1?against=9", "versions/%3Cscript%3E"])
def test_an_unknown_version_is_a_404_page(client: TestClient, path: str) -> None:
    answer = client.get(f"/dashboard/tickets/{path}")
    assert (answer.status_code, "Known: 1." in answer.text) == (404, True)
    assert "<script>" not in answer.text


def test_how_the_graph_was_chosen_is_served_in_a_sandbox(client: TestClient, two: Registry, worker: Worker) -> None:
    answer = client.get(f"{LIST}/1/rungs")
    assert (answer.status_code, "fp32" in answer.text) == (200, True)
    assert answer.headers["Content-Security-Policy"].startswith("sandbox allow-scripts; default-src 'none'")
    (worker.config.home / "registry/tickets/versions/2/rungs.html").unlink()
    assert client.get(f"{PAGE}/rungs").status_code == 404
    assert client.get(f"{LIST}/3/rungs").status_code == 404
    assert client.get("/dashboard/none/versions/1/rungs").status_code == 404
