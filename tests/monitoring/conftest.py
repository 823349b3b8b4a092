"""A registered model that classifies by one word, with its registry and its ledger."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from tokenizers import Tokenizer, models, pre_tokenizers

from core.clock import sortable_id, utc_now
from core.config import Config
from core.datasets import Example
from core.engine import Engine
from core.features import Features
from core.home import Home
from core.ledger import Ledger
from core.package import GRAPH, TOKENIZER, PackageFacts, write_facts, write_manifest
from core.records import PredictionRecord
from core.reference import write_reference_of
from core.registry import Registry
from tests.monitoring import rows

MODEL = "tickets"
WORDS = ["invoice", "crash", "where", "thanks"]
FILLER = ["the", "my", "please", "today"]


@dataclass(frozen=True)
class Served:
    """A champion with its home; `receive` records predictions as the service does."""

    home: Home
    version: str

    @property
    def config(self) -> Config:
        return self.home.config

    @property
    def registry(self) -> Registry:
        return self.home.registry

    @property
    def ledger(self) -> Ledger:
        return self.home.ledger

    def receive(self, features: Features, *, text: str | None = None, at: str | None = None) -> list[str]:
        """Every row has a text of its own, or all have the same `text`; `at`: their time, now by default."""
        keys = [sortable_id() for _ in range(features.rows)]
        records = [
            PredictionRecord(
                id=keys[row],
                model=MODEL,
                version=self.version,
                created_at=at or utc_now(),
                text=f"text {keys[row]}" if text is None else text,
                label=rows.LABELS[features.predicted[row]],
                score=float(features.confidence[row]),
                tokens=int(features.length[row]),
                truncated=False,
                embedding=features.embeddings[row],
            )
            for row in range(features.rows)
        ]
        self.ledger.record_predictions(records)
        return [record.id for record in records]


def word_examples(count: int, *, seed: int) -> list[Example]:
    """Different texts with one word that determines the label."""
    random = np.random.default_rng(seed)
    labels = random.integers(0, len(WORDS), count)
    return [
        Example(
            " ".join([WORDS[label], *random.choice(FILLER, random.integers(1, 5)), unlike(f"{seed}x{number}")]),
            rows.LABELS[label],
        )
        for number, label in enumerate(labels)
    ]


def unlike(name: str) -> str:
    """A word that makes a text no near-copy of another one."""
    return hashlib.sha256(name.encode()).hexdigest()[:32]


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    home = Home(Config(home=tmp_path / "home"))
    version = home.registry.add(_word_package(tmp_path / "package"), MODEL)
    home.registry.promote(MODEL, version)
    yield Served(home, version)
    home.close()


def _word_package(folder: Path) -> Path:
    folder.mkdir()
    facts = PackageFacts(rows.LABELS, "softmax", temperature=1.0, max_length=16, rung="fp32")
    write_facts(folder, facts)
    _write_tokenizer(folder)
    _write_graph(folder)
    write_reference_of(folder, Engine(folder, threads=1), word_examples(150, seed=0))
    write_manifest(folder)
    return folder


def _write_tokenizer(folder: Path) -> None:
    vocabulary = {word: index for index, word in enumerate(["[UNK]", *WORDS, *FILLER])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.save(str(folder / TOKENIZER))


def _write_graph(folder: Path) -> None:
    """The embedding is the sum of the words' vectors; its first values are the logits."""
    words = 1 + len(WORDS) + len(FILLER)
    table = np.random.default_rng(0).normal(0, 0.3, (words, rows.DIMENSIONS)).astype(np.float32)
    table[1 : 1 + len(WORDS), : len(WORDS)] += 8 * np.eye(len(WORDS), dtype=np.float32)
    table[0] = 0  # padding and unknown words
    head = np.eye(rows.DIMENSIONS, len(WORDS), dtype=np.float32)
    graph = helper.make_graph(
        [
            helper.make_node("Gather", ["table", "input_ids"], ["vectors"]),
            helper.make_node("ReduceSum", ["vectors"], ["embedding"], axes=[1], keepdims=0),
            helper.make_node("MatMul", ["embedding", "head"], ["logits"]),
        ],
        "words",
        [helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["n", "length"])],
        [
            helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", len(WORDS)]),
            helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["n", rows.DIMENSIONS]),
        ],
        [numpy_helper.from_array(table, "table"), numpy_helper.from_array(head, "head")],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 11)], ir_version=8), folder / GRAPH)
