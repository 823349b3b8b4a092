"""The frozen pretrained encoder with its embedding cache."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from core.arrays import Numbers
from core.datasets import Text
from core.embedding_cache import EmbeddingCache
from core.progress import Progress, ignore
from finetune.encoders.base_models import BaseModel
from finetune.encoders.encoder import Encoder, TextTokenizer, embed, load_encoder, load_tokenizer


@dataclass(frozen=True)
class FrozenEncoder:
    """Embeds texts or pairs; the embedding of each distinct input is cached on disk."""

    base: BaseModel
    encoder: Encoder
    tokenizer: TextTokenizer
    cache: EmbeddingCache

    def embeddings(self, inputs: Sequence[Text], *, on_progress: Progress = ignore) -> Numbers:
        """Unit vectors (n, d), float32, in the order of the inputs."""

        unknown, before = len(self.cache.unknown(inputs)), 0

        def report(done: int) -> None:
            on_progress("Embedding the texts", min(1.0, (before + done) / max(unknown, 1)))

        def compute(lot: list[Text]) -> Numbers:
            nonlocal before
            vectors = embed(self.encoder, self.tokenizer, lot, on_batch=report)
            before += len(lot)
            return vectors

        return self.cache.embeddings(inputs, compute)


def load_frozen(base: BaseModel, *, max_length: int, cache: Path) -> FrozenEncoder:
    """Raises `UnusableBaseModel`."""
    tokenizer = load_tokenizer(base.name, base.folder, max_length)
    embeddings = EmbeddingCache(cache / "embeddings", encoder=f"{base.fingerprint[:32]}-{tokenizer.max_length}")
    return FrozenEncoder(base, load_encoder(base), tokenizer, embeddings)
