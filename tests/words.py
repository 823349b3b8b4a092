"""A package that classifies by one word, made without training, and rows for it."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from tokenizers import Tokenizer, models, pre_tokenizers

from core.datasets import Example
from core.engine import Engine
from core.package import GRAPH, TOKENIZER, PackageFacts, write_facts, write_manifest
from core.reference import write_reference_of
from tests.monitoring import rows

WORDS = ["invoice", "crash", "where", "thanks"]
FILLER = ["the", "my", "please", "today"]


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


def word_package(folder: Path) -> Path:
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
