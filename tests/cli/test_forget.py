from __future__ import annotations

import json
import os
import time
from pathlib import Path

import numpy as np
import pytest

from core.clock import earliest_id, sortable_id, utc_now
from core.datasets import Example, Text, keep_dataset, kept_dataset
from core.embedding_cache import EmbeddingCache
from core.jobs import JobQueue
from core.ledger import Ledger
from core.ledger_tables.job_log import add_lines
from core.package import read_facts
from core.privacy.erasure import DAY_S
from core.processes.owner import this_worker
from core.records import FeedbackRecord, LogLine, PredictionRecord, Wanted
from tests.cli.conftest import Command
from tests.cli.test_errors import assert_error


def record(ledger: Ledger, text: str, *, key: str | None = None, days_ago: float = 0) -> str:
    made = earliest_id(time.time() - days_ago * DAY_S) + sortable_id()[16:]
    vector = np.zeros(2, dtype=np.float32)
    row = PredictionRecord(made, "m", "1", utc_now(), text, "a", 0.5, 3, False, vector, key=key)
    ledger.record_predictions([row])
    ledger.record_feedback([FeedbackRecord(row.id, "b")])
    return row.id


def texts_in(ledger: Ledger) -> list[str]:
    return [row.text for row in ledger.window("m", "1", limit=9)]


def test_named_predictions_are_erased_with_feedback_and_label_requests(retune: Command, ledger: Ledger) -> None:
    erased = [record(ledger, "one"), record(ledger, "two")]
    record(ledger, "three")
    ledger.request_labels("m", [Wanted(erased[0], "learn")], check_id=None)
    code, out, _ = retune("forget", "--prediction", erased[0], "--prediction", erased[1], "--json")
    expected = {
        "predictions": 2,
        "feedback": 2,
        "label_requests": 1,
        "datasets": {},
        "versions": [],
        "rewritten": True,
        "log_emptied": True,
    }
    assert (code, json.loads(out)) == (0, expected)
    assert texts_in(ledger) == ["three"]


def test_an_unknown_id_is_an_error_and_erases_nothing(retune: Command, ledger: Ledger) -> None:
    known = record(ledger, "one")
    assert_error(retune("forget", "--prediction", known, "--prediction", "unknown"), "'unknown'", "nothing was erased")
    assert texts_in(ledger) == ["one"]


def test_all_predictions_of_a_key_are_erased(retune: Command, ledger: Ledger) -> None:
    for text in ("one", "two"):
        record(ledger, text, key="shop")
    record(ledger, "three", key="app")
    code, out, _ = retune("forget", "--key", "shop")
    assert (code, out) == (0, "Erased: predictions 2, feedback 2, label requests 0.\n")
    assert texts_in(ledger) == ["three"]
    assert_error(retune("forget", "--key", "shop"), "'shop'", "Check its name")


def test_a_forgotten_text_is_erased_from_the_stored_data_sets(retune: Command, ledger: Ledger, home: Path) -> None:
    prediction = record(ledger, "Private Words", days_ago=1)
    name = keep_dataset([Example("private words", "b"), Example("other", "a")], home / "datasets")
    code, out, _ = retune("forget", "--prediction", prediction, "--json")
    assert (code, json.loads(out)["datasets"]) == (0, {name: 1})
    assert kept_dataset(name, home / "datasets") == [Example("other", "a")]


def cached(home: Path, *texts: str) -> list[Text]:
    """The texts without a cached embedding; afterwards all have one."""
    cache = EmbeddingCache(home / "cache" / "embeddings", encoder="e")
    unknown = cache.unknown(texts)
    cache.embeddings(texts, lambda lot: np.ones((len(lot), 2), dtype=np.float32))
    return unknown


def test_a_forgotten_text_is_erased_from_the_cached_embeddings(retune: Command, ledger: Ledger, home: Path) -> None:
    cached(home, "Private Words", "private  words", "other")
    assert retune("forget", "--prediction", record(ledger, "private words"))[0] == 0
    assert cached(home, "Private Words", "private  words", "other") == ["Private Words", "private  words"]


def test_versions_with_the_text_in_their_golden_answers_are_named(
    retune: Command, ledger: Ledger, tiny_package: Path
) -> None:
    retune("register", tiny_package, "--model", "m")
    prediction = record(ledger, read_facts(tiny_package).golden[0]["text"])
    code, out, _ = retune("forget", "--prediction", prediction)
    assert code == 0
    assert "golden answers of m@1" in out


def test_nothing_is_erased_while_a_job_runs(retune: Command, ledger: Ledger) -> None:
    prediction = record(ledger, "one")
    jobs = JobQueue(ledger)
    jobs.enqueue("m", "retrain")
    jobs.take(this_worker())
    assert_error(retune("forget", "--prediction", prediction), "Job 1 (retrain m)", "when it has ended")
    assert texts_in(ledger) == ["one"]


@pytest.fixture
def kept_for_30_days(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environ, "RETUNE_LEDGER__KEEP_DAYS", "30")


@pytest.mark.usefixtures("kept_for_30_days")
def test_expired_predictions_can_be_erased_by_command(retune: Command, ledger: Ledger) -> None:
    record(ledger, "old", days_ago=31)
    record(ledger, "young", days_ago=29)
    code, out, _ = retune("forget", "--expired", "--json")
    assert (code, json.loads(out)["predictions"], texts_in(ledger)) == (0, 1, ["young"])
    assert json.loads(retune("forget", "--expired", "--json")[1])["predictions"] == 0


@pytest.mark.usefixtures("kept_for_30_days")
def test_old_lines_of_the_logs_of_jobs_expire(retune: Command, ledger: Ledger) -> None:
    jobs = JobQueue(ledger)
    jobs.enqueue("m", "retrain")
    with ledger.database.write() as connection:
        add_lines(connection, 1, [LogLine("2026-01-01T00:00:00.000000+00:00", "note", "old")])
    retune("forget", "--expired")
    assert [entry.text for entry in jobs.log(1)] == ["Queued."]


@pytest.mark.usefixtures("kept_for_30_days")
def test_the_embeddings_of_expired_predictions_are_erased(retune: Command, ledger: Ledger, home: Path) -> None:
    record(ledger, "old", days_ago=31)
    record(ledger, "young", days_ago=29)
    cached(home, "old", "young")
    assert retune("forget", "--expired")[0] == 0
    assert cached(home, "old", "young") == ["old"]


@pytest.mark.usefixtures("kept_for_30_days")
def test_every_round_of_the_monitor_erases_expired_predictions(retune: Command, ledger: Ledger) -> None:
    record(ledger, "old", days_ago=31)
    code, out, err = retune("monitor", "--once")
    assert (code, out, texts_in(ledger)) == (1, "", [])  # there is no model to check
    assert err.startswith("Predictions older than 30 days erased: 1.\n")


def test_without_keep_days_nothing_expires(retune: Command, ledger: Ledger) -> None:
    record(ledger, "old", days_ago=9999)
    assert_error(retune("forget", "--expired"), "ledger.keep_days is not set")
    assert "holds no model" in retune("monitor", "--once")[2]
    assert texts_in(ledger) == ["old"]


@pytest.mark.parametrize("words", [(), ("--expired", "--key", "shop"), ("--key", "a", "--prediction", "b")])
def test_only_one_option_is_allowed(retune: Command, words: tuple[str, ...]) -> None:
    code, _, err = retune("forget", *words)
    assert code == 2
    assert "one of them" in err


def test_exporting_an_empty_label_queue_says_that_no_texts_are_stored(
    retune: Command, monkeypatch: pytest.MonkeyPatch, tiny_package: Path
) -> None:
    retune("register", tiny_package, "--model", "m")
    monkeypatch.setitem(os.environ, "RETUNE_LEDGER__KEEP", "features")
    code, out, err = retune("labels", "export", "m", "--json")
    assert (code, json.loads(out)["requests"]) == (0, [])
    assert "keeps no texts" in err
