"""A package turned into answers: tokenizers and ONNX Runtime, nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray
from tokenizers import Tokenizer

from core.cpu import available_cpus
from core.datasets import Example
from core.errors import CorruptPackage
from core.features import Features, truth_of
from core.package import FACTS, GRAPH, TOKENIZER, PackageFacts, read_facts

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Encoded:
    """A text as token ids, cut to the package's `max_length`."""

    ids: list[int]
    truncated: bool

    @property
    def tokens(self) -> int:
        return len(self.ids)


@dataclass(frozen=True)
class Outputs:
    """n answers: logits (n, k), embeddings (n, d), probabilities (n, k) after the temperature."""

    logits: Floats
    embeddings: Floats
    probabilities: Floats

    def row(self, index: int) -> Outputs:
        cut = slice(index, index + 1)
        return Outputs(self.logits[cut], self.embeddings[cut], self.probabilities[cut])

    @property
    def predicted(self) -> NDArray[np.int64]:
        best: NDArray[np.int64] = self.probabilities.argmax(axis=1).astype(np.int64)
        return best

    @property
    def confidence(self) -> Floats:
        best: Floats = self.probabilities.max(axis=1)
        return best


class Engine:
    """One package in memory. Thread-safe: sessions and tokenizers of both libraries are."""

    def __init__(self, folder: Path, *, threads: int | None = None) -> None:
        """Load `folder`; `threads` defaults to the cores this process may use.

        Does not check the manifest (see `verify_package`). Raises `CorruptPackage` if the files do
        not fit together.
        """
        self.folder = folder
        self.facts: PackageFacts = read_facts(folder)
        self.labels = self.facts.labels
        self._tokenizer = _load_tokenizer(folder, self.facts.max_length)
        self._session = _load_session(folder, threads or available_cpus())
        self._inputs = {entry.name for entry in self._session.get_inputs()}
        self._require_labels_fit()

    def _require_labels_fit(self) -> None:
        classes = self._session.get_outputs()[0].shape[-1]
        if classes != len(self.labels):
            raise CorruptPackage(
                self.folder, f"its graph has {classes} classes and {FACTS} names {len(self.labels)} labels"
            )

    def encode(self, texts: Sequence[str]) -> list[Encoded]:
        encodings = self._tokenizer.encode_batch_fast(list(texts))
        return [Encoded(encoding.ids, bool(encoding.overflowing)) for encoding in encodings]

    def infer(self, batch: Sequence[Encoded]) -> Outputs:
        """One engine call over the batch as it is; pads to its longest row."""
        longest = max(encoded.tokens for encoded in batch)
        ids = np.zeros((len(batch), longest), dtype=np.int64)
        mask = np.zeros_like(ids)
        for row, encoded in enumerate(batch):
            ids[row, : encoded.tokens] = encoded.ids
            mask[row, : encoded.tokens] = 1
        feed = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        logits, embeddings = self._session.run(
            ["logits", "embedding"], {name: value for name, value in feed.items() if name in self._inputs}
        )
        return Outputs(logits, embeddings, softmax(logits / self.facts.temperature))

    def answer(self, texts: Sequence[str], *, batch_tokens: int = 4096) -> Outputs:
        """Answers in the order of `texts` (at least one), computed in batches of similar length."""
        return self.answer_encoded(self.encode(texts), batch_tokens=batch_tokens)

    def features(self, examples: Sequence[Example]) -> Features:
        """What drift checks compare, of at least one row, labelled or not."""
        encoded = self.encode([example.text for example in examples])
        outputs = self.answer_encoded(encoded)
        return Features(
            embeddings=outputs.embeddings,
            predicted=outputs.predicted,
            confidence=outputs.confidence,
            length=np.array([item.tokens for item in encoded], dtype=np.int64),
            truth=truth_of(examples, self.labels),
        )

    def answer_encoded(self, encoded: Sequence[Encoded], *, batch_tokens: int = 4096) -> Outputs:
        parts: list[Outputs] = []
        order: list[int] = []
        for batch in batches([item.tokens for item in encoded], batch_tokens=batch_tokens):
            parts.append(self.infer([encoded[index] for index in batch]))
            order.extend(batch)
        back = np.argsort(order)
        return Outputs(
            np.concatenate([part.logits for part in parts])[back],
            np.concatenate([part.embeddings for part in parts])[back],
            np.concatenate([part.probabilities for part in parts])[back],
        )


def batches(lengths: Sequence[int], *, batch_tokens: int, max_rows: int = 64) -> Iterator[list[int]]:
    """Row indices grouped by similar length so that rows times the longest stay within the budget.

    >>> list(batches([3, 9, 3, 2], batch_tokens=9))
    [[3, 0, 2], [1]]
    """
    batch: list[int] = []
    for index in np.argsort(np.asarray(lengths), kind="stable").tolist():
        if batch and (lengths[index] * (len(batch) + 1) > batch_tokens or len(batch) == max_rows):
            yield batch
            batch = []
        batch.append(index)
    if batch:
        yield batch


def softmax(logits: NDArray[Any]) -> NDArray[Any]:
    """Rows of a distribution each, in the precision of the logits.

    >>> softmax(np.array([[0.0, 0.0]])).tolist()
    [[0.5, 0.5]]
    """
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    result: NDArray[Any] = powers / powers.sum(axis=-1, keepdims=True)
    return result


def _load_tokenizer(folder: Path, max_length: int) -> Tokenizer:
    try:
        tokenizer = Tokenizer.from_file(str(folder / TOKENIZER))
    except Exception as error:  # tokenizers raises bare Exception
        raise CorruptPackage(folder, f"{TOKENIZER} cannot be loaded: {error}") from error
    tokenizer.no_padding()
    tokenizer.enable_truncation(max_length)
    return tokenizer


def _load_session(folder: Path, threads: int) -> Any:
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        return ort.InferenceSession(str(folder / GRAPH), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's own errors derive from Exception only
        raise CorruptPackage(folder, f"{GRAPH} cannot be loaded: {error}") from error
