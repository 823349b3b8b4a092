"""The challenger that keeps the champion's encoder."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.clock import utc_now
from core.config import Config, FinetuneConfig, RetrainConfig
from core.datasets import is_held_out, kept_dataset
from core.engine import Engine
from core.home import Home
from core.package import read_digest, read_facts
from core.records import PredictionRecord
from lifecycle.challengers import spreading
from lifecycle.challengers.parts import parts_of
from tests.lifecycle.champions import Case, answered, new_label_rows
from tests.serve_environment import absent_modules


def test_the_head_learns_a_new_label_and_keeps_the_encoder(case: Callable[[str], Case], tmp_path: Path) -> None:
    made = case("single")
    before = Engine(made.situation.champion.folder)
    after = Engine(made.train("head", tmp_path).package)
    assert set(after.labels) - set(before.labels) == {"chat"}
    texts = [row.text for row in made.given]
    np.testing.assert_allclose(before.answer(texts).embeddings, after.answer(texts).embeddings, atol=1e-6)
    chat = [row for row in made.given if row.label == "chat"]
    assert np.mean([answer == "chat" for answer in answered(after, chat)]) > 0.7
    facts = read_facts(after.folder)
    assert (facts.lineage.method, facts.lineage.encoder_of) == ("head", read_digest(before.folder))
    assert facts.rung == before.facts.rung


@pytest.mark.parametrize("spread", [True, False])
def test_labels_are_spread_to_near_texts_and_named_in_the_lineage(
    case: Callable[[str], Case], tmp_path: Path, spread: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The tiny model has 30 validation rows, and its embeddings are all near each other.
    monkeypatch.setattr(spreading, "MIN_KNOWN_ROWS", 30)
    monkeypatch.setattr(spreading, "LEAST_CHANCE", 0.4)
    made = case("single")
    made.home = Home(made.home.config.model_copy(update={"retrain": RetrainConfig(spread=spread, label_names=False)}))
    given = new_label_rows(30)
    texts = [row.text for row in given[3:] if not is_held_out(row.text)]
    made.rows = replace(made.rows, train=[row for row in made.rows.train if row.label != "chat"] + given[:3])
    found = Engine(made.situation.champion.folder).answer(texts).embeddings
    made.home.ledger.record_predictions(
        [
            PredictionRecord(f"{n:032x}", "m", "1", utc_now(), text, "bug", 0.4, 5, False, vector)
            for n, (text, vector) in enumerate(zip(texts, found, strict=True))
        ]
    )
    facts = read_facts(made.train("head", tmp_path).package)
    assert (facts.lineage.spread.rows > 0) == spread
    if spread:
        rows = kept_dataset(facts.lineage.spread.fingerprint, made.home.config.datasets)
        assert {row.text for row in rows} <= set(texts)
        assert "chat" in {row.label for row in rows}
    trained = kept_dataset(facts.lineage.data.train, made.home.config.datasets)
    assert not {row.text for row in trained} & set(texts)


def test_rows_given_since_the_training_of_the_encoder_are_given_rows_in_each_round(
    case: Callable[[str], Case], tmp_path: Path
) -> None:
    made = case("single")
    registry = made.home.registry
    registry.promote("m", registry.add(made.train("head", tmp_path).package, "m"))
    later = new_label_rows(40)[-5:]
    parts = parts_of([*made.rows.train, *later], made.situation.champion, FinetuneConfig(), made.home.config)
    given = {row.key for row in [*made.given, *later]}
    assert {row.key for row, is_given in zip(parts.train, parts.is_given, strict=True) if is_given} == {
        row.key for row in parts.train if row.key in given
    }
    assert {row.key for row in parts.selecting} <= {row.key for row in later}


def test_a_label_that_is_gone_is_no_longer_answered(case: Callable[[str], Case], tmp_path: Path) -> None:
    made = case("single")
    made.rows = replace(made.rows, train=[row for row in made.rows.train if row.label != "bug"])
    assert read_facts(made.train("head", tmp_path).package).labels == ["billing", "chat", "how_to"]


def test_the_risk_of_the_champion_is_kept(case: Callable[[str], Case], tmp_path: Path) -> None:
    facts = read_facts(case("single").train("head", tmp_path, max_risk=0.5).package)
    assert facts.abstain_below is not None
    assert facts.lineage.settings["max_risk"] == 0.5


def test_a_retrain_of_the_head_needs_only_the_extra_serve(case: Callable[[str], Case], tmp_path: Path) -> None:
    made = case("single")
    made.home.ledger.added.add("m", made.given, source="desk", fingerprint="f")
    code = """
import json
import sys
from pathlib import Path
absent = json.loads(sys.argv[2])
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in absent:
            raise ModuleNotFoundError(name=name)
sys.meta_path.insert(0, Missing())
from core.clock import utc_now
from core.config import Config
from core.datasets import is_held_out, kept_dataset
from core.home import Home
from core.progress import ignore
from lifecycle.retrain import retrain
home = Home(Config(home=Path(sys.argv[1])))
result = retrain(home.jobs.enqueue("m", "retrain"), home, on_progress=ignore)
print(result.training.method, result.training.reason)
"""
    home = made.home.config.home
    absent = absent_modules()
    assert {"torch", "transformers", "sklearn", "scipy", "onnx", "pandas", "evidently", "pyarrow"} <= set(absent)
    command = [sys.executable, "-c", code, str(home), json.dumps(absent)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("head A new head on the encoder of m@1")


def test_the_ladder_is_read_from_the_environment_and_the_file(tmp_path: Path) -> None:
    assert Config().retrain.ladder == ["head", "tuned", "fresh"]
    assert Config.model_validate({"retrain": {"ladder": "fresh"}}).retrain.ladder == ["fresh"]
