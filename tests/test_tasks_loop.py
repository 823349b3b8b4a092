"""The loop for a multi-label model and a model of pairs over HTTP: predict, feedback, labels, drift, gate."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from core.champion import read_champion
from core.config import Config, DriftConfig, GateConfig, LabelsConfig, LedgerConfig, ServiceConfig
from core.datasets import Example, Text, input_of, keep_dataset, kept_dataset
from core.engine import Engine
from core.home import Home
from core.ledger import Ledger
from core.records import Evidence, Verdict
from core.registry import open_registry
from lifecycle.challengers.training_set import build_training_set
from lifecycle.gate.comparison import compare
from lifecycle.respond import respond
from lifecycle.situation import assess
from service.host.process import running_server
from tests.service.conftest import free_port
from tests.tasks import TaskFiles, multi_label_rows, paired_rows

pytestmark = pytest.mark.slow

FRESH = {"topics": multi_label_rows(80, seed=31), "answers": paired_rows(80, seed=31)}


@dataclass(frozen=True)
class Served:
    home: Home
    url: str

    @property
    def ledger(self) -> Ledger:
        return self.home.ledger

    @property
    def config(self) -> Config:
        return self.home.config

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        answer = httpx.post(f"{self.url}{path}", json=body, timeout=30)
        assert answer.status_code == 200, answer.text
        content: dict[str, Any] = answer.json()
        return content

    def retune(self, *words: str | Path, status: int = 0) -> dict[str, Any]:
        command = [sys.executable, "-m", "cli", "--home", str(self.config.home), *map(str, words), "--json"]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
        assert ended.returncode == status, ended.stderr + ended.stdout
        content: dict[str, Any] = json.loads(ended.stdout)
        return content


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, multi_label: TaskFiles, paired: TaskFiles) -> Iterator[Served]:
    """One server with both models and one worker, and their data sets in the home."""
    config = Config(
        home=tmp_path_factory.mktemp("tasks") / "home",
        service=ServiceConfig(port=free_port(), workers=1, max_items=100),
        ledger=LedgerConfig(flush_s=0.1),
        drift=DriftConfig(resamples=199),
        labels=LabelsConfig(budget=60),
        gate=GateConfig(min_rows=5),
    )
    registry = open_registry(config)
    for model, files in (("topics", multi_label), ("answers", paired)):
        registry.promote(model, registry.add(files.package, model))
        for path in files.datasets.glob("*.jsonl"):
            keep_dataset(kept_dataset(path.stem, files.datasets), config.datasets)
    with running_server(config, log=config.home / "server.log") as url:
        opened = Home(config)
        yield Served(opened, url)
        opened.close()


def sent(rows: Sequence[Example]) -> list[object]:
    return [list(row.input) if row.pair is not None else row.text for row in rows]


@pytest.fixture(scope="module")
def labelled(served: Served) -> dict[str, list[dict[str, Any]]]:
    """Predicts fresh rows, records a drift, and gives all requested labels, half over HTTP and half by a file."""
    return {model: ask_and_label(served, model, rows) for model, rows in FRESH.items()}


def ask_and_label(served: Served, model: str, rows: list[Example]) -> list[dict[str, Any]]:
    predictions: list[dict[str, Any]] = served.post("/predict", {"texts": sent(rows), "model": model})["predictions"]
    served.post("/feedback", {"feedback": [{"prediction_id": predictions[0]["id"], "label": rows[0].label or "|"}]})
    drift = Verdict("drift", 0.001, 80, 150, [Evidence("labels", "s", 1.0, 0.001, True, "moved")], None, "It drifted.")
    served.ledger.record_check(model, "1", drift, source="traffic", window_end=predictions[-1]["id"])
    assert respond(served.home, read_champion(served.home.registry, model)).decision.action == "label"
    path = served.config.home / f"{model}.csv"
    requests = served.retune("labels", "export", model, "--out", path)["requests"]
    truth = {row.input: row.label or "|" for row in rows}
    over_http = [{"prediction_id": item["prediction_id"], "label": truth[input_in(item)]} for item in requests[::2]]
    assert served.post("/feedback", {"feedback": over_http})["accepted"] == len(over_http)
    fill_in(path, truth, {item["prediction_id"] for item in over_http})
    imported = served.retune("labels", "import", model, path)
    assert imported == {
        "model": model,
        "accepted": len(requests) - len(over_http),
        "answers": len(requests) - len(over_http),
        "texts": len(requests) - len(over_http),
        "unknown": 0,
        "empty": len(over_http),
        "repeated": 0,
        "contradictions": {"texts": 0, "undecided": 0, "pairs": {}, "sources": {}, "set_aside": {}},
        "cannot_tell": 0,
        "new": {},
        "refused": [],
    }
    return predictions


def input_in(row: dict[str, Any]) -> Text:
    return input_of(row["text"], row.get("pair"))


def fill_in(path: Path, truth: dict[Any, str], done: set[str]) -> None:
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        row["label"] = "" if row["prediction_id"] in done else truth[input_in(row)]
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


@pytest.mark.parametrize("model", ["topics", "answers"])
def test_given_labels_are_stored_with_the_right_rows(
    served: Served, labelled: dict[str, list[dict[str, Any]]], model: str
) -> None:
    truth = {row.key: row.label for row in FRESH[model]}
    kept = served.ledger.labelled(model)
    assert len(kept) > 50
    assert [row.label for row in kept] == [truth[row.example.key] for row in kept]


@pytest.mark.parametrize("model", ["topics", "answers"])
def test_labelled_rows_are_used_for_training_and_gate(
    served: Served, labelled: dict[str, list[dict[str, Any]]], model: str
) -> None:
    registry = open_registry(served.config)
    situation = assess(served.home, read_champion(served.home.registry, model))
    assert situation.champion.reference_accuracy is not None
    rows = build_training_set(served.home, situation)
    assert rows.new_labels == []
    assert len(rows.fresh) >= 10
    assert not {row.key for row in rows.train} & {row.key for row in [*rows.fresh, *rows.old]}
    engine = Engine(registry.verified_folder(model, "1"), threads=1)
    comparison = compare(engine, engine, rows.fresh)
    given = {item["id"]: item["label"] for item in labelled[model]}
    judged = {row.key for row in rows.fresh}
    right = [
        given[row.prediction_id] == row.label for row in served.ledger.labelled(model) if row.example.key in judged
    ]
    assert (comparison.rows, comparison.wins, comparison.losses) == (len(right), 0, 0)
    assert comparison.champion_accuracy == pytest.approx(sum(right) / len(right))


@pytest.mark.parametrize("model", ["topics", "answers"])
def test_a_check_of_a_file_measures_the_accuracy_of_the_package(served: Served, model: str) -> None:
    path = served.config.home / f"{model}-file.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "pair", "label"])
        writer.writerows((row.text, row.pair, row.label) for row in FRESH[model])
    result = served.retune("drift", "--model", model, "--file", path, "--labels")
    registry = open_registry(served.config)
    engine = Engine(registry.verified_folder(model, "1"), threads=1)
    measured = compare(engine, engine, FRESH[model]).champion_accuracy
    assert result["measured_accuracy"]["value"] == pytest.approx(measured)
    assert result["verdict"] == "ok"


def test_the_command_line_answers_pairs_and_several_labels(served: Served) -> None:
    row = FRESH["answers"][0]
    [given] = served.retune("predict", row.text, "--pair", str(row.pair), "--model", "answers")["predictions"]
    [over_http] = served.post("/predict", {"texts": [list(row.input)], "model": "answers"})["predictions"]
    assert (given["label"], given["score"]) == (over_http["label"], pytest.approx(over_http["score"], abs=1e-5))
    [several] = served.retune("predict", FRESH["topics"][0].text, "--model", "topics")["predictions"]
    assert isinstance(several["labels"], list)


def test_the_command_line_refuses_inputs_of_another_task(served: Served) -> None:
    for words, sentence in [
        (("predict", "a", "--model", "answers"), "answers pairs of texts"),
        (("predict", "a", "b", "--pair", "c", "--model", "answers"), "Give --pair once for each text"),
        (("predict", "a", "--pair", "c", "--model", "topics"), "answers single texts"),
        (("drift", "--model", "topics", "--file", "x.csv", "--pair-column", "b"), "answers single texts"),
        (("drift", "--model", "answers", "--file", "x.csv", "--multi-label"), "one label to a text"),
    ]:
        command = [sys.executable, "-m", "cli", "--home", str(served.config.home), *words]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        assert ended.returncode == 1
        assert sentence in ended.stderr
        assert "Traceback" not in ended.stderr
