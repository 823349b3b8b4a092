"""Rows, settings and a base model of two layers, made in a second."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.config import FinetuneConfig
from core.datasets import Example

if TYPE_CHECKING:  # transformers takes seconds to import: only tests that train import it
    from transformers import PreTrainedTokenizerFast


SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]

WORDS = {
    "billing": ["invoice", "charged", "refund", "card", "receipt", "price", "vat", "payment"],
    "bug": ["crash", "error", "broken", "freezes", "wrong", "vanished", "blank", "fails"],
    "how_to": ["how", "where", "setting", "change", "find", "explain", "steps", "guide"],
}
FILLER = ["please", "the", "my", "today", "again", "team", "on", "phone", "this", "week", "thanks", "we"]


def tiny_rows(rows: int = 120, *, seed: int = 0, words: dict[str, list[str]] | None = None) -> list[Example]:
    """Distinct texts whose labels alternate between 3; each label has words that no other label uses."""
    rng = random.Random(seed)
    vocabulary = sorted((words or WORDS).items())
    texts: dict[str, str] = {}
    while len(texts) < rows:
        label, own = vocabulary[len(texts) % len(vocabulary)]
        chosen = rng.sample(own, 2) + rng.sample(FILLER, rng.randint(1, 5))
        texts.setdefault(" ".join(rng.sample(chosen, len(chosen))), label)
    return [Example(text, label) for text, label in texts.items()]


def tiny_settings(base_model: Path, *, method: str = "features", seed: int = 0, **more: Any) -> FinetuneConfig:
    return FinetuneConfig.model_validate(
        {
            "method": method,
            "seed": seed,
            "base_model": str(base_model),
            "max_length": 32,
            "validation_share": 0.25,
            **more,
        }
    )


def make_base_model(folder: Path, texts: Sequence[str], *, seed: int = 0) -> Path:
    """A random BERT with the words of `texts`, saved as a base model folder."""
    import torch
    from transformers import BertConfig, BertModel

    folder.mkdir(parents=True)
    words = sorted({word for text in texts for word in re.findall(r"\w+", text.lower())})
    vocabulary = [*SPECIAL, *words]
    _tokenizer(vocabulary).save_pretrained(folder)
    torch.manual_seed(seed)
    config = BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=64,
        pad_token_id=0,
        # Larger than usual, so that texts have distinct embeddings without training.
        initializer_range=0.1,
    )
    BertModel(config).eval().save_pretrained(folder)
    return folder


def _tokenizer(vocabulary: Sequence[str]) -> PreTrainedTokenizerFast:
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    ids = {word: index for index, word in enumerate(vocabulary)}
    tokenizer = Tokenizer(models.WordPiece(ids, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", ids["[SEP]"]), ("[CLS]", ids["[CLS]"]))
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        unk_token="[UNK]",
        pad_token="[PAD]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        model_max_length=64,
        model_input_names=["input_ids", "token_type_ids", "attention_mask"],
    )
