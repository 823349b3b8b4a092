"""What the peers serve: the same graph, called as its users would, or by our engine."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
from tokenizers import Tokenizer

Answer = dict[str, Any]


class Model:
    """tokenizers and ONNX Runtime with one thread; a batch is padded to its longest text and computed at once."""

    def __init__(self, folder: Path) -> None:
        facts = json.loads((folder / "package.json").read_text(encoding="utf-8"))
        self._labels, self._temperature = facts["labels"], facts["temperature"]
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.enable_truncation(facts["max_length"])
        self._tokenizer.enable_padding(pad_id=facts["pad_id"])
        options = ort.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self._session = ort.InferenceSession(str(folder / "model.onnx"), options, providers=["CPUExecutionProvider"])
        self._inputs = {entry.name for entry in self._session.get_inputs()}

    def answers(self, texts: Sequence[str]) -> list[Answer]:
        encodings = self._tokenizer.encode_batch(list(texts))
        feed = {
            "input_ids": [encoding.ids for encoding in encodings],
            "attention_mask": [encoding.attention_mask for encoding in encodings],
            "token_type_ids": [encoding.type_ids for encoding in encodings],
        }
        arrays = {name: np.array(rows, dtype=np.int64) for name, rows in feed.items() if name in self._inputs}
        [logits] = self._session.run(["logits"], arrays)
        powers = np.exp((logits - logits.max(axis=1, keepdims=True)) / self._temperature)
        scores = powers / powers.sum(axis=1, keepdims=True)
        return [
            {"label": self._labels[index], "score": float(row[index])}
            for index, row in zip(scores.argmax(axis=1).tolist(), scores, strict=True)
        ]


class OwnEngine:
    """Retune's engine, which sorts a batch by length and cuts it by tokens."""

    def __init__(self, folder: Path) -> None:
        from core.engine import Engine

        self._engine = Engine(folder, threads=1)

    def answers(self, texts: Sequence[str]) -> list[Answer]:
        outputs = self._engine.answer(texts)
        found = zip(outputs.predicted, outputs.confidence, strict=True)
        return [{"label": self._engine.labels[int(index)], "score": float(score)} for index, score in found]


def model() -> Model | OwnEngine:
    kind = OwnEngine if os.environ.get("OWN_ENGINE") else Model
    return kind(Path(os.environ["PACKAGE"]))
