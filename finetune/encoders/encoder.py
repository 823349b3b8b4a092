"""The pretrained encoder as a torch module, and its tokenizer: texts to unit vectors."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from transformers import AutoModel, PreTrainedModel, PreTrainedTokenizerBase, PreTrainedTokenizerFast
from transformers.utils import logging as transformers_logging

from core.arrays import Numbers
from core.cpu import available_cpus
from core.datasets import Text
from core.engine import BLANK, batches
from core.errors import UnusableBaseModel
from finetune.encoders.architecture import Architecture, first_line, read_architecture
from finetune.encoders.base_models import BaseModel
from finetune.encoders.pooling import Pooling
from finetune.run_state.processes import local_process_count

Batch = dict[str, Tensor]

# transformers 5.23 masks the bfloat16 attention scores of DeBERTa v1 with the lowest float32, which overflows.
_FLOAT32_ONLY = {"deberta"}


class Encoder(nn.Module):
    """A transformer, pooled over the attention mask and L2-normalised."""

    def __init__(self, transformer: PreTrainedModel, pooling: Pooling) -> None:
        super().__init__()
        self.transformer = transformer
        self.pooling = pooling

    def forward(self, inputs: Batch) -> Tensor:
        """Ids and mask (n, length) → embeddings (n, d), float32 even if the transformer computes in bfloat16."""
        states = self.transformer(**inputs).last_hidden_state.float()
        if self.pooling == "cls":
            pooled = states[:, 0]
        else:
            mask = inputs["attention_mask"].unsqueeze(-1).to(states.dtype)
            pooled = (states * mask).sum(1) / mask.sum(1)
        return nn.functional.normalize(pooled, dim=-1)

    @property
    def width(self) -> int:
        return int(self.transformer.config.hidden_size)

    @property
    def is_wide(self) -> bool:
        """Whether its matrix products are large enough to gain from several threads or from bfloat16."""
        return self.width >= 256


def supports_bfloat16(encoder: Encoder) -> bool:
    """Whether the forward pass of the encoder runs under bfloat16 autocast; it may not be faster."""
    return encoder.transformer.config.model_type not in _FLOAT32_ONLY


@dataclass(frozen=True)
class Tokens:
    """Token ids and token types of one input: type 1 marks the second text of a pair."""

    ids: list[int]
    types: list[int]


@dataclass(frozen=True)
class TextTokenizer:
    """A fast tokenizer and its maximum length; in a pair, the longer text is truncated first."""

    tokenizer: PreTrainedTokenizerBase
    max_length: int

    def encode(self, inputs: Sequence[Text]) -> list[Tokens]:
        """The inputs must be all texts or all pairs."""
        if not inputs:
            return []
        encoded = self.tokenizer(
            *_columns(inputs), truncation=True, max_length=self.max_length, return_token_type_ids=True
        )
        return [
            Tokens(list(ids), list(types))
            for ids, types in zip(encoded["input_ids"], encoded["token_type_ids"], strict=True)
        ]

    def lengths(self, inputs: Sequence[Text]) -> list[int]:
        """Number of tokens of each input without truncation."""
        if not inputs:
            return []
        with _quiet():
            return [len(ids) for ids in self.tokenizer(*_columns(inputs), verbose=False)["input_ids"]]

    def unread(self, inputs: Sequence[Text]) -> list[bool]:
        """Whether all tokens of an input are unknown or special, so that the model reads nothing of it."""
        is_empty = {*self.tokenizer.all_special_ids, self.tokenizer.convert_tokens_to_ids(BLANK)}.issuperset
        return [is_empty(row.ids) for row in self.encode(inputs)]

    def save(self, folder: Path) -> None:
        """Write its files without truncation: else they would say whether a text was encoded last, or its length asked
        for, which depends on what was cached.
        """
        self.tokenizer.backend_tokenizer.no_truncation()
        self.tokenizer.save_pretrained(folder)

    def batch(self, rows: Sequence[Tokens]) -> Batch:
        """The rows padded on the right to the longest."""
        longest = max(len(row.ids) for row in rows)
        ids = torch.full((len(rows), longest), int(self.tokenizer.pad_token_id or 0))
        mask, types = torch.zeros_like(ids), torch.zeros_like(ids)
        for index, row in enumerate(rows):
            ids[index, : len(row.ids)] = torch.tensor(row.ids)
            mask[index, : len(row.ids)] = 1
            types[index, : len(row.types)] = torch.tensor(row.types)
        inputs = {"input_ids": ids, "attention_mask": mask}
        if "token_type_ids" in self.tokenizer.model_input_names:
            inputs["token_type_ids"] = types
        return inputs


def _columns(inputs: Sequence[Text]) -> list[list[str]]:
    """One list of texts; two lists if the inputs are pairs."""
    if isinstance(inputs[0], str):
        return [[text for text in inputs if isinstance(text, str)]]
    pairs = [pair for pair in inputs if not isinstance(pair, str)]
    return [[first for first, _ in pairs], [second for _, second in pairs]]


def load_encoder(base: BaseModel) -> Encoder:
    """The pretrained weights from safetensors files, in float32 on the CPU, without the unused pooler.

    Raises `UnusableBaseModel` if the files lack a weight.
    """
    read_architecture(base.name, base.folder)
    with _quiet():
        try:
            transformer, loaded = AutoModel.from_pretrained(
                base.folder,
                trust_remote_code=False,
                use_safetensors=True,
                dtype=torch.float32,
                output_loading_info=True,
            )
        except Exception as error:  # safetensors, huggingface_hub, torch and transformers have their own types
            raise UnusableBaseModel(base.name, first_line(error), "Name another base model.") from error
    _require_loaded(base, loaded)
    if getattr(transformer, "pooler", None) is not None:
        transformer.pooler = None
    encoder = Encoder(transformer.eval(), base.pooling)
    torch.set_num_threads(max(1, available_cpus() // local_process_count()) if encoder.is_wide else 1)
    return encoder


def _require_loaded(base: BaseModel, loaded: dict[str, Any]) -> None:
    """transformers only warns of missing weights and initialises them at random."""
    missing = sorted(key for key in loaded["missing_keys"] if not key.startswith("pooler."))
    mismatched = sorted(str(entry[0]) for entry in loaded["mismatched_keys"])
    for keys, problem in ((missing, "lack"), (mismatched, "have another shape for")):
        if keys:
            problem = f"its files {problem} {len(keys)} of the weights that its config.json requires, such as {keys[0]}"
            raise UnusableBaseModel(base.name, problem, "Name a folder whose files belong together.")


def load_tokenizer(name: str, folder: Path, max_length: int) -> TextTokenizer:
    """The fast tokenizer of a folder; truncates at `max_length` or at the maximum of the model."""
    architecture = read_architecture(name, folder)
    with _quiet():
        try:
            # This class reads tokenizer.json, as the engine does; the tokenizer class of a family builds its normalizer
            # from other files.
            tokenizer = PreTrainedTokenizerFast.from_pretrained(
                folder,
                # As in the engine; overrides the tokenizer's config.
                truncation_side="right",
                padding_side="right",
                model_input_names=_inputs(architecture),
            )
        except Exception as error:  # tokenizers raises bare Exception
            raise UnusableBaseModel(name, first_line(error), "Name another base model.") from error
    _require_ids_fit(name, tokenizer, architecture)
    limit = min(max_length, tokenizer.model_max_length, architecture.max_positions)
    return TextTokenizer(tokenizer, int(limit))


def _inputs(architecture: Architecture) -> list[str]:
    # A model with one token type has no embedding for type 1, the type of the second text.
    types = ["token_type_ids"] if architecture.token_types > 1 else []
    return ["input_ids", *types, "attention_mask"]


def _require_ids_fit(name: str, tokenizer: PreTrainedTokenizerBase, architecture: Architecture) -> None:
    highest = max(tokenizer.get_vocab().values(), default=0)
    if highest >= architecture.vocabulary:
        problem = f"its tokenizer gives ids up to {highest}, its embeddings have {architecture.vocabulary} rows"
        raise UnusableBaseModel(name, problem, "Name a folder whose files belong together.")
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.convert_ids_to_tokens(architecture.pad_id)


def embed(
    encoder: Encoder,
    tokenizer: TextTokenizer,
    inputs: Sequence[Text],
    *,
    on_batch: Callable[[int], None] = lambda done: None,
) -> Numbers:
    """Unit vectors (n, d) in the order of the inputs; `on_batch` is called with the number of rows done."""
    rows = tokenizer.encode(inputs)
    embeddings = np.zeros((len(rows), encoder.width), dtype=np.float32)
    done = 0
    encoder.eval()
    device = next(encoder.parameters()).device
    with torch.inference_mode():
        # Batches of similar length need little padding.
        for batch in batches([len(row.ids) for row in rows], batch_tokens=2048):
            given = tokenizer.batch([rows[index] for index in batch])
            embeddings[batch] = encoder({name: value.to(device) for name, value in given.items()}).cpu().numpy()
            done += len(batch)
            on_batch(done)
    return embeddings


@contextmanager
def _quiet() -> Iterator[None]:
    """Within the context, transformers shows no progress bars and no load reports."""
    verbosity = transformers_logging.get_verbosity()
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    try:
        yield
    finally:
        transformers_logging.set_verbosity(verbosity)
