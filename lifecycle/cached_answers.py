"""The answers of a package, from cached embeddings: the encoder runs for new texts only (docs/decisions/0013)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path

import numpy as np

from core.arrays import Floats
from core.cpu import available_cpus
from core.datasets import Example, Text
from core.durable import sha256_of
from core.embedding_cache import EmbeddingCache
from core.engine import RUNTIME, Answering, Encoded, Engine, Outputs, outputs_of, thresholds_of
from core.errors import NoLinearHead
from core.features import Features
from core.package import GRAPH, TOKENIZER, PackageFacts, read_facts
from core.processes.blas import one_blas_thread
from core.progress import Progress, Step, go_on, ignore
from export.head import GraphHead, encoder_digest, read_head

EQUAL_ROWS = 4
"""Rows of one length in a batch, the last one repeated if there are fewer: then the bytes of an embedding hang on its
text alone, and not on what is cached. With other sizes ONNX Runtime's products round differently, by 1e-7."""


class CachedAnswers:
    """As `Engine`, for graphs with a head in float32."""

    def __init__(
        self, folder: Path, facts: PackageFacts, head: GraphHead, cache: EmbeddingCache, *, on_batch: Step = go_on
    ) -> None:
        self.facts = facts
        self._folder, self._head, self._cache, self._on_batch = folder, head, cache, on_batch

    @property
    def labels(self) -> list[str]:
        return self.facts.labels

    @cached_property
    def engine(self) -> Engine:
        """Loaded at its first use: with cached embeddings it is not needed. The threads of `_embedded` are ours."""
        return Engine(self._folder, threads=1)

    def embeddings(self, texts: Sequence[Text], *, on_progress: Progress = ignore) -> Floats:
        """(n, d) of at least one text."""
        done, unknown = 0, len(self._cache.unknown(texts))

        def compute(lot: list[Text]) -> Floats:
            nonlocal done
            on_progress("Embedding the texts", min(1.0, done / max(unknown, 1)))
            done += len(lot)
            return _embedded(self.engine, lot)

        return self._cache.embeddings(texts, compute)

    def answer(self, texts: Sequence[Text]) -> Outputs:
        embeddings = self.embeddings(texts, on_progress=lambda _stage, _share: self._on_batch())
        with one_blas_thread():
            logits = embeddings @ self._head.weight.T + self._head.bias
        return outputs_of(self.facts, thresholds_of(self.facts), logits, embeddings)

    def features(self, examples: Sequence[Example], *, copies: Sequence[int] | None = None) -> Features:
        texts = [example.input for example in examples]
        return self.engine.features_with(self.answer(texts), self.engine.encode(texts), examples, copies=copies)


def answers_of(folder: Path, cache: Path, *, on_batch: Step = go_on) -> Answering:
    """The package's answers; its graph runs for every text if it has no head in float32.

    `on_batch`: as of `Engine`.
    """
    try:
        return cached_answers(folder, cache, on_batch=on_batch)
    except NoLinearHead:
        return Engine(folder, on_batch=on_batch)


def cached_answers(folder: Path, cache: Path, *, on_batch: Step = go_on) -> CachedAnswers:
    """`cache`: the folder of the embeddings of all encoders. Raises `NoLinearHead` or `CorruptPackage`."""
    facts = read_facts(folder)
    embeddings = EmbeddingCache(cache, encoder=_encoder(folder, facts))
    return CachedAnswers(folder, facts, read_head(folder / GRAPH), embeddings, on_batch=on_batch)


def _encoder(folder: Path, facts: PackageFacts) -> str:
    """A fingerprint of all that an embedding hangs on but the text."""
    parts = [encoder_digest(folder / GRAPH), sha256_of(folder / TOKENIZER), facts.max_length, facts.pad_id, RUNTIME]
    return hashlib.sha256("\n".join(map(str, parts)).encode()).hexdigest()[:32]


def _embedded(engine: Engine, texts: Sequence[Text]) -> Floats:
    encoded = engine.encode(texts)
    vectors = np.empty((len(texts), engine.width), dtype=np.float32)

    def embed(places: list[int]) -> None:
        rows = [encoded[place] for place in places]
        rows += [rows[-1]] * (EQUAL_ROWS - len(rows))
        vectors[places] = engine.infer(rows).embeddings[: len(places)]

    with ThreadPoolExecutor(available_cpus()) as threads:
        list(threads.map(embed, _of_one_length(encoded)))
    return vectors


def _of_one_length(encoded: Sequence[Encoded]) -> Iterator[list[int]]:
    """Places of rows with the same number of tokens, at most `EQUAL_ROWS` together."""
    places: dict[int, list[int]] = {}
    for place, item in enumerate(encoded):
        places.setdefault(item.tokens, []).append(place)
    for same in places.values():
        yield from (same[start : start + EQUAL_ROWS] for start in range(0, len(same), EQUAL_ROWS))
