from __future__ import annotations

import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from starlette.testclient import TestClient

from core.changes import Change, Group
from core.clock import utc_now
from core.config import Config
from core.ledger import Ledger
from core.processes.owner import this_worker
from core.records import Decision, Evidence, FeedbackRecord, JobStep, PredictionRecord, Verdict, Wanted
from core.registry import Registry
from core.share import Share
from service.pages.views import COUNTED, History
from service.worker import Worker
from tests.service.conftest import local_client
from tests.service.pages.forms import send


def verdict(p_value: float | None, sentence: str = "Nothing moved.") -> Verdict:
    name = "insufficient_data" if p_value is None else "drift" if p_value <= 0.01 else "ok"
    evidence = [Evidence("predicted labels", "total variation", 0.21, p_value or 1.0, name == "drift", "bug <grew>.")]
    return Verdict(name, p_value, 340, 520, evidence, Share(0.842, 0.791, 0.887), sentence)  # type: ignore[arg-type]  # one of its names


@pytest.fixture
def ledger(worker: Worker) -> Ledger:
    return worker.home.ledger


def add_check(ledger: Ledger, p_value: float | None, *, report: str | None = None, sentence: str = "Moved.") -> int:
    found = verdict(p_value, sentence)
    return ledger.record_check("tickets", "1", found, source="traffic", report=report, window_end=None)


def test_the_root_leads_to_the_dashboard(client: TestClient) -> None:
    answer = client.get("/", follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (307, "/dashboard")
    assert "<h1>Models</h1>" in client.get("/").text


def test_the_list_names_every_model(client: TestClient) -> None:
    page = client.get("/dashboard")
    assert page.status_code == 200
    assert 'href="/dashboard/tickets"' in page.text
    assert "version 1" in page.text


def test_an_empty_home_shows_what_to_do(config: Config) -> None:
    page = local_client(Worker(config)).get("/dashboard")
    assert "There is no model yet" in page.text


def test_a_model_without_history_shows_what_comes_next(client: TestClient) -> None:
    page = client.get("/dashboard/tickets")
    assert page.status_code == 200
    assert all(
        word in page.text
        for word in (
            "validation rows, not of traffic",
            "Traffic of version 1 has not been checked yet",
            "Nothing has been decided yet",
            "fp32",
        )
    )


def test_the_latest_verdict_is_shown_with_its_evidence(client: TestClient, ledger: Ledger) -> None:
    for p_value in (None, 0.4, 0.001):
        add_check(ledger, p_value, sentence=f"It <b>moved</b> at {p_value}.")
    page = client.get("/dashboard/tickets").text
    assert "It &lt;b&gt;moved&lt;/b&gt; at 0.001." in page
    assert "bug &lt;grew&gt;." in page
    assert "84.2 %" in page
    assert "an estimate" in page
    dots = re.findall(r'<g class="dot ([\w ]+)">', page)
    assert dots == ["ok", "drift", "wait hollow"]


def test_what_changed_is_shown_with_texts_as_far_as_they_are_kept(client: TestClient, ledger: Ledger) -> None:
    record = PredictionRecord(
        "p1", "tickets", "1", utc_now(), "My <b>robot</b> is stuck", "bug", 0.4, 6, False, np.zeros(4, np.float32)
    )
    ledger.record_predictions([record])
    group = Group(20, 0.05, ["p1", "erased"], {"bug": 20}, 0.4, ["robot"])
    change = Change("new topics", 0.05, 0.001, "20 texts form a group.", groups=[group])
    found = replace(verdict(0.001), changes=[change], not_compared="Not all was compared.")
    ledger.record_check("tickets", "1", found, source="traffic")
    page = client.get("/dashboard/tickets").text
    assert "<h3>New topics</h3>" in page
    assert "20 texts form a group." in page
    assert page.count("<li>My &lt;b&gt;robot&lt;/b&gt; is stuck</li>") == 1
    assert "Not all was compared." in page


def test_a_check_with_too_few_rows_does_not_hide_the_conclusive_one(client: TestClient, ledger: Ledger) -> None:
    add_check(ledger, 0.001, sentence="It moved.")
    add_check(ledger, None, sentence="Too few rows.")
    assert '<span class="pill drift">' in client.get("/dashboard").text
    page = client.get("/dashboard/tickets").text
    assert re.search(r'pill drift">drift</span>\s*It moved\.', page)
    assert "Since then: Too few rows." in page


def test_checks_of_files_are_shown_apart_from_checks_of_traffic(client: TestClient, ledger: Ledger) -> None:
    add_check(ledger, 0.4, sentence="Traffic is as it was.")
    ledger.record_check("tickets", "1", verdict(0.001, "The file moved."), source="<old>.csv", report="r.html")
    assert '<span class="pill drift">' not in client.get("/dashboard").text
    page = client.get("/dashboard/tickets").text
    assert "Traffic is as it was." in page
    assert "The file moved." not in page
    assert page.count('<g class="dot ') == 1
    assert re.search(r'&lt;old&gt;\.csv.*pill drift.*reports/2"', page, re.DOTALL)


def test_a_decision_to_retrain_makes_the_button_prominent(client: TestClient, ledger: Ledger) -> None:
    assert "Retrain anyway" in client.get("/dashboard/tickets").text
    ledger.record_decision("tickets", Decision("retrain", "Accuracy fell to 71 %."), check_id=add_check(ledger, 0.001))
    page = client.get("/dashboard/tickets").text
    assert "Accuracy fell to 71 %." in page
    assert '<button class="prompt">Retrain now</button>' in page


def test_the_button_queues_one_retrain_and_redirects_to_the_model(client: TestClient, worker: Worker) -> None:
    for _ in range(2):
        answer = send(client, "/dashboard/tickets/retrain")
        assert (answer.status_code, answer.headers["Location"]) == (303, "/dashboard/tickets")
    assert [(job.kind, job.status) for job in worker.home.jobs.latest("tickets")] == [("retrain", "queued")]
    page = client.get("/dashboard/tickets").text
    assert "job 1" in page
    assert "<button>Cancel</button>" in page
    assert "/retrain" not in page


def test_the_page_says_where_a_job_is_and_can_cancel_it(client: TestClient, worker: Worker) -> None:
    jobs = worker.home.jobs
    jobs.enqueue("tickets", "retrain")
    job = jobs.take(this_worker())
    assert job is not None
    jobs.renew(job, step=JobStep("finetune: Fine-tuning", 0.43, 100.0))
    page = client.get("/dashboard/tickets").text
    assert "job 1</a>: finetune: Fine-tuning, 43 %, about 2 min left." in page
    assert 'action="/dashboard/tickets/jobs/1/cancel"' in page
    answer = send(client, "/dashboard/tickets/jobs/1/cancel")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/dashboard/tickets")
    page = client.get("/dashboard/tickets").text
    assert "It will be cancelled at its next step." in page
    assert "/cancel" not in page
    jobs.release(job)
    assert send(client, "/dashboard/tickets/jobs/1/cancel").status_code == 409
    assert "Retrain anyway" in client.get("/dashboard/tickets").text


def test_the_page_says_why_the_last_retrain_failed(client: TestClient, worker: Worker) -> None:
    jobs = worker.home.jobs
    jobs.enqueue("tickets", "retrain")
    job = jobs.take(this_worker())
    assert job is not None
    jobs.fail(job, "No space is left.")
    page = client.get("/dashboard/tickets").text
    assert 'href="/dashboard/-/jobs/1">job 1</a>: No space is left.' in page


def test_requested_and_given_labels_are_counted(client: TestClient, ledger: Ledger) -> None:
    keys = [f"{number:032x}" for number in range(4)]
    embedding = np.zeros(4, dtype=np.float32)
    ledger.record_predictions(
        [PredictionRecord(key, "tickets", "1", utc_now(), key, "bug", 0.9, 3, False, embedding) for key in keys]
    )
    check_id = add_check(ledger, 0.001)
    ledger.record_decision("tickets", Decision("label", "Labels would tell.", 4), check_id=check_id)
    ledger.request_labels("tickets", [Wanted(key, "measure") for key in keys], check_id=check_id)
    ledger.record_feedback([FeedbackRecord(keys[0], "bug")])
    page = client.get("/dashboard/tickets").text
    assert "1 of 4 labels" in page
    assert "label 4" in page


def test_jobs_promotions_and_refusals_are_listed(client: TestClient, worker: Worker, ledger: Ledger) -> None:
    worker.home.jobs.enqueue("tickets", "retrain")
    job = worker.home.jobs.take("host/1/1")
    assert job is not None
    worker.home.jobs.fail(job, "No space is left.")
    ledger.record_promotion("tickets", "2", previous="1", promoted=False, reason="Not shown to be better.", gate=None)
    page = client.get("/dashboard/tickets").text
    assert all(word in page for word in ("No space is left.", "Not shown to be better.", "refused", "failed"))


def test_a_report_is_served_in_a_sandbox(client: TestClient, ledger: Ledger, config: Config) -> None:
    path = config.home / "reports" / "tickets" / "7.html"
    path.parent.mkdir(parents=True)
    path.write_text("<h1>Evidently</h1>")
    check_id = add_check(ledger, 0.5, report="reports/tickets/7.html")
    answer = client.get(f"/dashboard/tickets/reports/{check_id}")
    assert answer.text == "<h1>Evidently</h1>"
    assert answer.headers["Content-Security-Policy"].startswith("sandbox allow-scripts; default-src 'none'")


def test_files_outside_the_home_are_not_served_as_reports(client: TestClient, ledger: Ledger, config: Config) -> None:
    outside = config.home.parent / "secret.html"
    outside.write_text("secret")
    (config.home / "link.html").symlink_to(outside)
    (config.home / "ledger.txt").write_text("secret")
    for report in ("../secret.html", str(outside), "link.html", "ledger.txt", "gone.html", ""):
        check_id = add_check(ledger, 0.5, report=report)
        assert client.get(f"/dashboard/tickets/reports/{check_id}").status_code == 404


def test_the_map_of_the_latest_check_is_on_the_page(client: TestClient, ledger: Ledger, config: Config) -> None:
    folder = config.home / "reports" / "tickets"
    folder.mkdir(parents=True)
    add_check(ledger, 0.001, report="reports/tickets/7.html")
    assert "<figure>" not in client.get("/dashboard/tickets").text
    for drawing, is_shown in (('<svg class="retune-map"></svg>', True), ("<script>", False), ("<svg " * 10**6, False)):
        (folder / "7.svg").write_text(drawing)
        page = client.get("/dashboard/tickets")
        assert (drawing in page.text, "<figure>" in page.text) == (is_shown, is_shown)
        assert "script-src 'self'" in page.headers["Content-Security-Policy"]
        assert "default-src 'none'" in page.headers["Content-Security-Policy"]


def test_the_map_takes_its_colours_from_the_stylesheet(client: TestClient, ledger: Ledger, config: Config) -> None:
    folder = config.home / "reports" / "tickets"
    folder.mkdir(parents=True)
    add_check(ledger, 0.001, report="reports/tickets/7.html")
    (folder / "7.svg").write_text('<svg class="map"><style>\n.map text{}</style><g class="dot was"></g></svg>')
    assert '<svg class="map"><g class="dot was"></g></svg>' in client.get("/dashboard/tickets").text


def test_a_map_outside_the_home_is_not_on_the_page(client: TestClient, ledger: Ledger, config: Config) -> None:
    (config.home / "reports").mkdir(parents=True)
    outside = config.home.parent / "outside.svg"
    outside.write_text("<svg secret></svg>")
    (config.home / "reports" / "7.svg").symlink_to(outside)
    for report in ("reports/7.html", "../outside.html"):
        add_check(ledger, 0.001, report=report)
        assert "secret" not in client.get("/dashboard/tickets").text


@pytest.mark.parametrize("check_id", ["1", "0", "-1", "x", "9" * 30, "9" * 5000, "²", "1.5"])
def test_a_report_that_does_not_exist_is_404(client: TestClient, check_id: str) -> None:
    assert client.get(f"/dashboard/tickets/reports/{check_id}").status_code == 404


@pytest.mark.parametrize("name", ["nope", "%2e%2e", "a%00b", "<script>", "a" * 300])
def test_an_unknown_model_is_a_404_page(client: TestClient, name: str) -> None:
    answer = client.get(f"/dashboard/{name}")
    assert answer.status_code == 404
    assert "<script>" not in answer.text


def test_without_the_ledger_the_page_still_shows_the_champion(client: TestClient, config: Config) -> None:
    (config.home / "ledger.db").mkdir(parents=True)
    page = client.get("/dashboard/tickets")
    assert page.status_code == 200
    assert "No history" in page.text
    assert "fp32" in page.text
    assert client.get("/dashboard").status_code == 200


def test_an_error_while_loading_the_champion_is_shown(client: TestClient, worker: Worker, registry: Registry) -> None:
    with (worker.config.home / "registry/tickets/versions/1/model.onnx").open("ab") as graph:
        graph.write(b"x")
    fresh = Worker(worker.config)
    fresh.champions.poll()
    assert "model.onnx differs" in client.get("/dashboard/tickets").text


def test_a_damaged_champion_leaves_its_page_and_what_to_do(
    client: TestClient, registry: Registry, second_package: Path
) -> None:
    registry.add(second_package, "tickets")
    (registry.folder("tickets", "1") / "package.json").write_text("{")
    page = client.get("/dashboard/tickets")
    assert (page.status_code, "package.json is not readable JSON" in page.text) == (200, True)
    assert 'href="/dashboard/tickets/versions">Choose one</a>' in page.text
    assert "<h2>Decision</h2>" in page.text
    shutil.rmtree(registry.folder("tickets", "1"))
    page = client.get("/dashboard/tickets")
    assert (page.status_code, "has no version &#39;1&#39;. Known: 2." in page.text) == (200, True)


def test_pages_load_nothing_from_elsewhere_and_run_nothing_inline(client: TestClient, ledger: Ledger) -> None:
    add_check(ledger, 0.001)
    for path in ("/dashboard", "/dashboard/tickets"):
        answer = client.get(path)
        assert re.findall(r"<script[^>]*>", answer.text) == re.findall(
            r'<script src="/dashboard/-/static/[a-z]+[.]js[?]v=[0-9a-f]+" defer>', answer.text
        )
        assert not re.search(r' style="| on[a-z]+="', answer.text)
        assert not re.search(r'(src|href)="https?:', answer.text)
        assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")


def test_a_count_that_ended_early_is_shown_as_such() -> None:
    history = History(None, [], None, 0, 0, 0, 0, COUNTED + 1, [], [])
    assert history.predictions_shown == "more than 100,000"
