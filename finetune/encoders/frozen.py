"""The frozen pretrained encoder with its embedding cache."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from core.arrays import Numbers
from core.datasets import Text
from core.progress import Progress, ignore
from finetune.encoders.base_models import BaseModel
from finetune.encoders.embedding_cache import EmbeddingCache
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

        def compute(unknown: list[Text]) -> Numbers:
            return embed(
                self.encoder,
                self.tokenizer,
                unknown,
                on_batch=lambda done: on_progress("Embedding the texts", done / len(unknown)),
            )

        return self.cache.embeddings(inputs, compute)


def load_frozen(base: BaseModel, *, max_length: int, cache: Path) -> FrozenEncoder:
    """Raises `UnusableBaseModel`."""
    tokenizer = load_tokenizer(base.name, base.folder, max_length)
    embeddings = EmbeddingCache(cache / "embeddings", fingerprint=base.fingerprint, max_length=tokenizer.max_length)
    return FrozenEncoder(base, load_encoder(base), tokenizer, embeddings)
