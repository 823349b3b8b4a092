"""Inference with a package, by `tokenizers` and ONNX Runtime."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray
from tokenizers import Tokenizer

from core.arrays import Booleans, Floats, Indices
from core.assigned import Assigned, Truth
from core.cpu import available_cpus
from core.datasets import Example, Text
from core.errors import CorruptPackage, InputDoesNotFit
from core.features import Features, truth_of, truth_sets
from core.package import FACTS, GRAPH, TOKENIZER, PackageFacts, read_digest, read_facts
from core.progress import Step, go_on


@dataclass(frozen=True)
class Encoded:
    """Token ids of a text or a pair, truncated to the package's `max_length`; in a pair, the longer text first.

    `types`: token type ids of a pair, 0 in the first text and 1 in the second; None for a single text.
    `all_unknown`: no token stands for a part of the text, so the answer does not depend on it.
    """

    ids: list[int]
    truncated: bool
    types: list[int] | None = None
    all_unknown: bool = False

    @property
    def tokens(self) -> int:
        return len(self.ids)


@dataclass(frozen=True)
class TokenSpan:
    """The characters that a token stands for: from `start` up to `end`, of a single text or the first of a pair
    (`of` 0), or of the second (1).
    """

    of: int
    start: int
    end: int


@dataclass(frozen=True)
class Outputs:
    """n predictions: logits (n, k), embeddings (n, d), probabilities (n, k) with the temperature applied.

    `given`, for multi-label models only: (n, k) whether a label's probability reaches its threshold.
    """

    logits: Floats
    embeddings: Floats
    probabilities: Floats
    given: Booleans | None = None

    def row(self, index: int) -> Outputs:
        cut = slice(index, index + 1)
        given = None if self.given is None else self.given[cut]
        return Outputs(self.logits[cut], self.embeddings[cut], self.probabilities[cut], given)

    @property
    def predicted(self) -> Assigned:
        """(n,) index of the most probable label; for multi-label models (n, k) `given`."""
        if self.given is not None:
            return self.given
        best: Indices = self.probabilities.argmax(axis=1).astype(np.int64)
        return best

    @property
    def confidence(self) -> Floats:
        """(n,) probability that the prediction is correct: of the most probable label, or of the whole set."""
        if self.given is not None:
            return set_confidence(self.probabilities, self.given)
        best: Floats = self.probabilities.max(axis=1)
        return best


CUDA, CUDA_FP16 = "CUDAExecutionProvider", "cuda-fp16"
"""The provider for GPUs, and the only rung that uses it; all other rungs run on the CPU."""

BLANK = "\u2581"
"""The token of a blank in SentencePiece vocabularies."""

BATCH_TOKENS = 512
"""Maximum padded tokens per batch and thread; larger batches do not fit into a core's cache (docs/decisions/0008)."""


RUNTIME = str(ort.__version__)
"""Another release of ONNX Runtime may round otherwise."""


class Answering(Protocol):
    """Gives the answers of a package; see `Engine`."""

    facts: PackageFacts

    @property
    def labels(self) -> list[str]: ...

    def answer(self, texts: Sequence[Text]) -> Outputs: ...

    def features(self, examples: Sequence[Example], *, copies: Sequence[int] | None = None) -> Features: ...


class Engine:
    """One package in memory. Thread-safe, as are ONNX Runtime's sessions and the tokenizers."""

    def __init__(self, folder: Path, *, threads: int | None = None, on_batch: Step = go_on) -> None:
        """Load `folder`; `threads` defaults to the cores that this process may use.

        `on_batch` is called before each batch of many texts.

        Does not verify the files (see `core.verification`). Raises `CorruptPackage` if the files do not fit together.
        """
        self.folder = folder
        self.facts: PackageFacts = read_facts(folder)
        self.labels = self.facts.labels
        self._tokenizer = _load_tokenizer(folder, self.facts.max_length)
        self._empty_ids = _empty_ids(self._tokenizer)
        threads = threads or available_cpus()
        self._session = _load_session(folder, threads, self.facts.rung)
        self._on_batch = on_batch
        self._batch_tokens = BATCH_TOKENS * threads
        self._inputs = {entry.name for entry in self._session.get_inputs()}
        self._thresholds = thresholds_of(self.facts)
        self._require_known_graph()

    @property
    def provider(self) -> str:
        """ONNX Runtime's execution provider."""
        return str(self._session.get_providers()[0])

    @property
    def digest(self) -> str:
        """The digest in the package's manifest."""
        return read_digest(self.folder)

    def _require_known_graph(self) -> None:
        """Raises `CorruptPackage` if inputs or outputs differ from the description in `core.package`."""
        inputs = {entry.name: entry.type for entry in self._session.get_inputs()}
        outputs = {entry.name: entry for entry in self._session.get_outputs()}
        if not {"input_ids"} <= set(inputs) <= {"input_ids", "attention_mask", "token_type_ids"}:
            raise CorruptPackage(self.folder, f"{GRAPH} takes {_listed(inputs)}")
        if set(outputs) != {"logits", "embedding"}:
            raise CorruptPackage(self.folder, f"{GRAPH} gives {_listed(outputs)}, not logits and embedding")
        types = {*inputs.values(), *(f"out {entry.type}" for entry in outputs.values())}
        if types != {"tensor(int64)", "out tensor(float)"}:
            raise CorruptPackage(self.folder, f"{GRAPH} takes or gives other numbers than int64 and float")
        classes, self.width = (outputs[name].shape[-1] for name in ("logits", "embedding"))
        if classes != len(self.labels):
            problem = f"its graph has {classes} classes and {FACTS} names {len(self.labels)} labels"
            raise CorruptPackage(self.folder, problem)

    def encode(self, texts: Sequence[Text]) -> list[Encoded]:
        """Raises `InputDoesNotFit` for a pair if the model takes single texts, or the other way round."""
        is_paired = self.facts.is_paired
        if any(isinstance(text, str) is is_paired for text in texts):
            raise InputDoesNotFit(wants_pairs=is_paired)
        encodings = self._tokenizer.encode_batch_fast(list(texts))
        is_empty = self._empty_ids.issuperset
        return [
            Encoded(ids, bool(item.overflowing), item.type_ids if is_paired else None, is_empty(ids))
            for item in encodings
            for ids in (item.ids,)  # each access makes a new list
        ]

    def encode_with_spans(self, text: Text) -> tuple[Encoded, list[TokenSpan | None]]:
        """As `encode`, with the characters of each token; None for tokens that the tokenizer adds.

        Raises `InputDoesNotFit`.
        """
        [encoded] = self.encode([text])
        # Slower than `encode_batch_fast`, which does not know the places.
        item = self._tokenizer.encode(*([text] if isinstance(text, str) else text))
        places = zip(item.sequence_ids, item.offsets, item.special_tokens_mask, strict=True)
        spans = [None if is_added or of is None else TokenSpan(of, *span) for of, span, is_added in places]
        return encoded, spans

    def infer(self, batch: Sequence[Encoded]) -> Outputs:
        """Run the graph once on the batch, padded to its longest row."""
        feed = padded(batch, pad_id=self.facts.pad_id)
        logits, embeddings = self._session.run(
            ["logits", "embedding"], {name: value for name, value in feed.items() if name in self._inputs}
        )
        return self.outputs(logits, embeddings)

    def outputs(self, logits: Floats, embeddings: Floats) -> Outputs:
        """The graph's outputs with the probabilities, and with the labels that reach their threshold."""
        return outputs_of(self.facts, self._thresholds, logits, embeddings)

    def answer(self, texts: Sequence[Text]) -> Outputs:
        """Predictions in the order of `texts` (at least one), computed in batches of similar length."""
        return self.answer_encoded(self.encode(texts))

    def features(self, examples: Sequence[Example], *, copies: Sequence[int] | None = None) -> Features:
        """Features of at least one row, labelled or not, for drift checks."""
        encoded = self.encode([example.input for example in examples])
        return self.features_with(self.answer_encoded(encoded), encoded, examples, copies=copies)

    def features_with(
        self,
        outputs: Outputs,
        encoded: Sequence[Encoded],
        examples: Sequence[Example],
        *,
        copies: Sequence[int] | None = None,
    ) -> Features:
        """As `features`, of rows that were answered before."""
        return Features(
            embeddings=outputs.embeddings,
            predicted=outputs.predicted,
            confidence=outputs.confidence,
            length=np.array([item.tokens for item in encoded], dtype=np.int64),
            truth=self.truth(examples),
            copies=None if copies is None else np.array(copies, dtype=np.int64),
        )

    def truth(self, examples: Sequence[Example]) -> Truth:
        """The rows' labels in the shape of `Outputs.predicted`; -1 where missing or unknown."""
        return (truth_of if self.facts.kind == "single-label" else truth_sets)(examples, self.labels)

    def answer_encoded(self, encoded: Sequence[Encoded]) -> Outputs:
        parts: list[Outputs] = []
        order: list[int] = []
        for batch in batches([item.tokens for item in encoded], batch_tokens=self._batch_tokens):
            self._on_batch()
            parts.append(self.infer([encoded[index] for index in batch]))
            order.extend(batch)
        back = np.argsort(order)
        given = [part.given for part in parts if part.given is not None]
        return Outputs(
            np.concatenate([part.logits for part in parts])[back],
            np.concatenate([part.embeddings for part in parts])[back],
            np.concatenate([part.probabilities for part in parts])[back],
            np.concatenate(given)[back] if given else None,
        )


def thresholds_of(facts: PackageFacts) -> Floats:
    """(k,) the score at which a label is given; for multi-label models."""
    return np.array([facts.thresholds.get(label, 0.5) for label in facts.labels], dtype=np.float32)


def outputs_of(facts: PackageFacts, thresholds: Floats, logits: Floats, embeddings: Floats) -> Outputs:
    """Logits (n, k) and embeddings (n, d) with the probabilities, and with the labels that reach their threshold."""
    if facts.kind == "single-label":
        return Outputs(logits, embeddings, softmax(logits / facts.temperature))
    probabilities = sigmoid(logits / facts.temperature)
    return Outputs(logits, embeddings, probabilities, probabilities >= thresholds)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "nothing"


def padded(batch: Sequence[Encoded], *, pad_id: int) -> dict[str, Indices]:
    """The inputs of a graph, (n, longest) each: rows padded on the right, the padding masked."""
    longest = max(encoded.tokens for encoded in batch)
    ids = np.full((len(batch), longest), pad_id, dtype=np.int64)
    mask = np.zeros_like(ids)
    types = np.zeros_like(ids)
    for row, encoded in enumerate(batch):
        ids[row, : encoded.tokens] = encoded.ids
        mask[row, : encoded.tokens] = 1
        if encoded.types is not None:
            types[row, : encoded.tokens] = encoded.types
    return {"input_ids": ids, "attention_mask": mask, "token_type_ids": types}


def batches(lengths: Sequence[int], *, batch_tokens: int, max_rows: int = 64) -> Iterator[list[int]]:
    """Row indices grouped by similar length: in a batch, rows times the longest length is at most `batch_tokens`.

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
    """Softmax over the last axis, in the precision of the logits.

    >>> softmax(np.array([[0.0, 0.0]])).tolist()
    [[0.5, 0.5]]
    """
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    result: NDArray[Any] = powers / powers.sum(axis=-1, keepdims=True)
    return result


def sigmoid(logits: NDArray[Any]) -> NDArray[Any]:
    """Elementwise sigmoid without overflow, in the precision of the logits.

    >>> sigmoid(np.array([0.0, -1000.0, 1000.0])).tolist()
    [0.5, 0.0, 1.0]
    """
    small = np.exp(-np.abs(logits))
    result: NDArray[Any] = np.where(logits >= 0, 1, small) / (1 + small)
    return result


def set_confidence(probabilities: NDArray[Any], given: Booleans) -> Floats:
    """(n,) probability that exactly the set `given` (n, k) is right, if the labels are independent.

    It is the product over all labels of p if the label is given and 1 - p if it is not. Labels are often dependent; the
    product still ranks predictions by confidence, which is enough for abstention, label queue and accuracy estimate.

    >>> set_confidence(np.array([[0.9, 0.2]]), np.array([[True, False]])).round(2).tolist()
    [0.72]
    """
    result: Floats = np.where(given, probabilities, 1 - probabilities).prod(axis=1)
    return result


def _load_tokenizer(folder: Path, max_length: int) -> Tokenizer:
    try:
        tokenizer = Tokenizer.from_file(str(folder / TOKENIZER))
    except Exception as error:  # tokenizers raises bare Exception
        raise CorruptPackage(folder, f"{TOKENIZER} cannot be loaded: {error}") from error
    tokenizer.no_padding()
    tokenizer.enable_truncation(max_length, strategy="longest_first")
    return tokenizer


def _empty_ids(tokenizer: Tokenizer) -> frozenset[int]:
    """Ids that stand for no part of a text: special tokens, the unknown token and a blank alone."""
    ids = {number for number, token in tokenizer.get_added_tokens_decoder().items() if token.special}
    if hasattr(tokenizer.model, "unk_token"):
        unknown = tokenizer.token_to_id(tokenizer.model.unk_token or "")
    else:  # Unigram, whose unknown token only its JSON names
        unknown = json.loads(tokenizer.to_str())["model"].get("unk_id")
    return frozenset({number for number in (*ids, unknown, tokenizer.token_to_id(BLANK)) if number is not None})


def _load_session(folder: Path, threads: int, rung: str) -> Any:
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    providers = ["CPUExecutionProvider"]
    if rung == CUDA_FP16 and CUDA in ort.get_available_providers():
        providers.insert(0, CUDA)
    try:
        return ort.InferenceSession(str(folder / GRAPH), options, providers=providers)
    except Exception as error:  # the errors of onnxruntime have no other base class
        raise CorruptPackage(folder, f"{GRAPH} cannot be loaded: {error}") from error
