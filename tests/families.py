"""Random models of two layers, one of each encoder family, with a tokenizer of the family's type."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import transformers
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
from transformers import AutoModel, PreTrainedTokenizerFast

POSITIONS = 64
SIZES: dict[str, Any] = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 64,
    "max_position_embeddings": POSITIONS,
    # Larger than usual, so that texts have distinct embeddings without training.
    "initializer_range": 0.1,
}
# The settings of the published DeBERTa-v3, with fewer buckets.
DISENTANGLED: dict[str, Any] = {
    "relative_attention": True,
    "position_biased_input": False,
    "pos_att_type": ["p2c", "c2p"],
    "type_vocab_size": 0,
}
V3 = {**DISENTANGLED, "position_buckets": 16, "norm_rel_ebd": "layer_norm", "share_att_key": True}
# ModernBERT has no dropout by default.
MODERN = {"attention_dropout": 0.1, "mlp_dropout": 0.1, "local_attention": 8, "global_attn_every_n_layers": 2}
DISTIL = {"dim": 32, "n_layers": 2, "n_heads": 2, "hidden_dim": 64}

BERT = {"pad": "[PAD]", "unk": "[UNK]", "cls": "[CLS]", "sep": "[SEP]", "mask": "[MASK]"}
ROBERTA = {"cls": "<s>", "pad": "<pad>", "sep": "</s>", "unk": "<unk>", "mask": "<mask>"}
ALBERT = {"pad": "<pad>", "unk": "<unk>", "cls": "[CLS]", "sep": "[SEP]", "mask": "[MASK]"}
TYPED_PAIR, DOUBLE_SEP = "{cls} $A {sep} $B:1 {sep}:1", "{cls} $A {sep} {sep} $B {sep}"

TrainTokenizer = Callable[[Sequence[str], dict[str, str]], Tokenizer]


@dataclass(frozen=True)
class Family:
    """`offset`: unused rows of the position table; `linear`: the linear modules of a block."""

    config: str
    tokenizer_class: str
    train: TrainTokenizer
    special: dict[str, str]
    pair: str
    linear: str
    settings: dict[str, Any]
    offset: int = 0
    token_types: bool = False


def word_piece(texts: Sequence[str], special: dict[str, str]) -> Tokenizer:
    words = {word for text in texts for word in re.findall(r"\w+", text.lower())}
    vocabulary = [*special.values(), *sorted(words | set("abcdefghijklmnopqrstuvwxyz"))]
    model = models.WordPiece({word: index for index, word in enumerate(vocabulary)}, unk_token=special["unk"])
    tokenizer = Tokenizer(model)
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return tokenizer


def byte_pairs(texts: Sequence[str], special: dict[str, str]) -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=list(special.values()),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def unigram(texts: Sequence[str], special: dict[str, str]) -> Tokenizer:
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    trainer = trainers.UnigramTrainer(
        vocab_size=150, special_tokens=list(special.values()), unk_token=special["unk"], show_progress=False
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


_BERT = "attention.output.dense attention.self.key attention.self.query attention.self.value intermediate.dense"
_DEBERTA = "attention.output.dense attention.self.in_proj attention.self.pos_proj attention.self.pos_q_proj"
_DISTIL = "attention.k_lin attention.out_lin attention.q_lin attention.v_lin ffn.lin1 ffn.lin2"
_ALBERT = "attention.dense attention.key attention.query attention.value ffn ffn_output"
_MPNET = "attention.attn.k attention.attn.o attention.attn.q attention.attn.v intermediate.dense output.dense"

FAMILIES = {
    "albert": Family(
        "AlbertConfig", "AlbertTokenizer", unigram, ALBERT, TYPED_PAIR, _ALBERT,
        {**SIZES, "embedding_size": 16, "hidden_dropout_prob": 0.1}, token_types=True,
    ),
    "bert": Family(
        "BertConfig", "BertTokenizer", word_piece, BERT, TYPED_PAIR, f"{_BERT} output.dense", SIZES, token_types=True
    ),
    "camembert": Family(
        "CamembertConfig", "CamembertTokenizer", unigram, ROBERTA, DOUBLE_SEP, f"{_BERT} output.dense",
        {**SIZES, "type_vocab_size": 1}, offset=2,
    ),
    "deberta": Family(
        "DebertaConfig", "DebertaTokenizer", byte_pairs, BERT, TYPED_PAIR,
        f"{_DEBERTA} intermediate.dense output.dense", {**SIZES, **DISENTANGLED},
    ),
    "deberta-v2": Family(
        "DebertaV2Config", "DebertaV2Tokenizer", unigram, BERT, TYPED_PAIR,
        f"{_BERT.replace('key', 'key_proj').replace('query', 'query_proj').replace('value', 'value_proj')} "
        "output.dense", {**SIZES, **V3},
    ),
    "distilbert": Family(
        "DistilBertConfig", "DistilBertTokenizer", word_piece, BERT, "{cls} $A {sep} $B {sep}", _DISTIL,
        {**DISTIL, "max_position_embeddings": POSITIONS, "initializer_range": 0.1},
    ),
    "electra": Family(
        "ElectraConfig", "ElectraTokenizer", word_piece, BERT, TYPED_PAIR, f"{_BERT} output.dense",
        {**SIZES, "embedding_size": 16}, token_types=True,
    ),
    "modernbert": Family(
        "ModernBertConfig", "PreTrainedTokenizerFast", byte_pairs, BERT, "{cls} $A {sep} $B {sep}",
        "attn.Wo attn.Wqkv mlp.Wi mlp.Wo", {**SIZES, **MODERN},
    ),
    "mpnet": Family("MPNetConfig", "MPNetTokenizer", word_piece, ROBERTA, DOUBLE_SEP, _MPNET, SIZES, offset=2),
    "roberta": Family(
        "RobertaConfig", "RobertaTokenizer", byte_pairs, ROBERTA, DOUBLE_SEP, f"{_BERT} output.dense",
        {**SIZES, "type_vocab_size": 1}, offset=2,
    ),
    "xlm-roberta": Family(
        "XLMRobertaConfig", "XLMRobertaTokenizer", unigram, ROBERTA, DOUBLE_SEP, f"{_BERT} output.dense",
        {**SIZES, "type_vocab_size": 1}, offset=2,
    ),
}  # fmt: skip


def make_family(folder: Path, name: str, texts: Sequence[str], *, seed: int = 0) -> Path:
    """A base model folder as on a hub: config, safetensors, `tokenizer.json` and the name of the tokenizer class."""
    family = FAMILIES[name]
    tokenizer = family.train(texts, family.special)
    _save_tokenizer(tokenizer, family, folder)
    ids = {f"{role}_token_id": tokenizer.token_to_id(token) for role, token in family.special.items()}
    config = getattr(transformers, family.config)(
        vocab_size=tokenizer.get_vocab_size(), pad_token_id=ids["pad_token_id"], **family.settings
    )
    torch.manual_seed(seed)
    AutoModel.from_config(config).eval().save_pretrained(folder)
    return folder


def _save_tokenizer(tokenizer: Tokenizer, family: Family, folder: Path) -> None:
    special = family.special
    tokens = [(special[role], tokenizer.token_to_id(special[role])) for role in ("cls", "sep")]
    tokenizer.post_processor = processors.TemplateProcessing(
        single="{cls} $A {sep}".format(**special), pair=family.pair.format(**special), special_tokens=tokens
    )
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, **{f"{role}_token": token for role, token in special.items()}
    )
    fast.save_pretrained(folder)
    path = folder / "tokenizer_config.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**config, "tokenizer_class": family.tokenizer_class}), encoding="utf-8")
