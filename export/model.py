"""A checkpoint as a torch module with the inputs and outputs of the graph."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.numpy import load_file
from tokenizers import Tokenizer
from torch import Tensor, nn
from transformers import AutoModel, AutoTokenizer, PreTrainedModel
from transformers.utils import logging as transformers_logging

from core.checkpoint import ENCODER, HEAD, SAMPLE, TRAINING, Training, read_training
from core.datasets import Text, input_of
from core.errors import CorruptCheckpoint
from core.package import TOKENIZER

INPUTS = ("input_ids", "attention_mask", "token_type_ids")
CONFIG, TOKENIZER_CONFIG = "config.json", "tokenizer_config.json"
_REQUIRED = (CONFIG, ENCODER, TOKENIZER, HEAD, SAMPLE)
_EXECUTABLE_SUFFIXES = {".bin", ".ckpt", ".joblib", ".pickle", ".pkl", ".pt", ".pth", ".py"}
"""Files that can run code when they are loaded."""


class ServedModel(nn.Module):
    """Ids and mask (n, length) → logits (n, k) and pooled, L2-normalised embeddings (n, d)."""

    def __init__(self, transformer: PreTrainedModel, head: nn.Linear, pooling: str) -> None:
        super().__init__()
        self.transformer = transformer
        self.head = head
        self.pooling = pooling

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        segments = {} if token_type_ids is None else {"token_type_ids": token_type_ids}
        states = self.transformer(input_ids=input_ids, attention_mask=attention_mask, **segments).last_hidden_state
        if self.pooling == "cls":
            pooled = states[:, 0]
        else:
            mask = attention_mask.unsqueeze(-1).to(states.dtype)
            pooled = (states * mask).sum(1) / mask.sum(1)
        embedding = nn.functional.normalize(pooled, dim=-1)
        return self.head(embedding), embedding


@dataclass(frozen=True)
class Source:
    """A checkpoint to export: its training record, its module in evaluation mode with the names of its inputs, the
    padding id, and sample texts or pairs for calibration.
    """

    folder: Path
    training: Training
    model: ServedModel
    inputs: list[str]
    pad_id: int
    sample: list[Text]


def read_source(checkpoint: Path) -> Source:
    """Raises `CorruptCheckpoint` if a file does not match `training.json` or the other files, or can run code."""
    training = read_training(checkpoint)
    _require_no_code(checkpoint, set(training.files))
    transformers_logging.disable_progress_bar()
    transformers_logging.set_verbosity_error()  # it would warn of the missing pooler, which is not used
    try:
        # Eager: the optimiser cannot fuse the attention of the SDPA graph.
        transformer = AutoModel.from_pretrained(
            checkpoint, trust_remote_code=False, use_safetensors=True, dtype=torch.float32, attn_implementation="eager"
        )
        tokenizer = AutoTokenizer.from_pretrained(checkpoint, trust_remote_code=False, use_fast=True)
        tokens = Tokenizer.from_file(str(checkpoint / TOKENIZER)).get_vocab()
    except Exception as error:  # tokenizers raises bare Exception, transformers many types
        raise CorruptCheckpoint(checkpoint, f"it cannot be loaded: {_first_line(error)}") from error
    config, known = transformer.config, transformer.get_input_embeddings().num_embeddings
    if (highest := max(tokens.values(), default=0)) >= known:
        problem = f"{TOKENIZER} has token id {highest}, but the encoder has {known} token embeddings"
        raise CorruptCheckpoint(checkpoint, problem)
    if training.max_length > (positions := getattr(config, "max_position_embeddings", training.max_length)):
        problem = f"its maximum length is {training.max_length} tokens, but the encoder has {positions} positions"
        raise CorruptCheckpoint(checkpoint, problem)
    head = _head(checkpoint, len(training.labels), config.hidden_size)
    model = ServedModel(transformer, head, training.pooling)
    return Source(
        folder=checkpoint,
        training=training,
        model=model.eval(),
        inputs=[name for name in INPUTS if name in tokenizer.model_input_names],
        pad_id=int(tokenizer.pad_token_id or 0),
        sample=_sample(checkpoint),
    )


def _require_no_code(checkpoint: Path, listed: Collection[str]) -> None:
    """Refuse missing files, files that can run code, and unlisted files: transformers would load an adapter."""
    for name in sorted(path.name for path in checkpoint.iterdir()):
        if Path(name).suffix.lower() in _EXECUTABLE_SUFFIXES:
            raise CorruptCheckpoint(checkpoint, f"{name} can run code; weights are read from safetensors only")
        if name not in listed and name != TRAINING:
            raise CorruptCheckpoint(checkpoint, f"{name} is not named in {TRAINING}")
    for name in _REQUIRED:
        if not (checkpoint / name).is_file():
            raise CorruptCheckpoint(checkpoint, f"{name} is missing")
    for name in (CONFIG, TOKENIZER_CONFIG):
        if (checkpoint / name).is_file() and "auto_map" in _read_json(checkpoint, name):
            raise CorruptCheckpoint(checkpoint, f"{name} asks for custom code (auto_map), which is never run")


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


def _sample(checkpoint: Path) -> list[Text]:
    # Not splitlines: it splits at characters that may occur within JSON strings.
    lines = (checkpoint / SAMPLE).read_text(encoding="utf-8").split("\n")
    try:
        rows = [json.loads(line) for line in lines if line]
        texts = [input_of(row["text"], row.get("pair")) for row in rows]
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        raise CorruptCheckpoint(checkpoint, f"{SAMPLE} does not have one JSON object with a text per line") from error
    if not texts:
        raise CorruptCheckpoint(checkpoint, f"{SAMPLE} has no text")
    return texts


def _read_json(checkpoint: Path, name: str) -> dict[str, Any]:
    try:
        content: dict[str, Any] = json.loads((checkpoint / name).read_text(encoding="utf-8"))
    except ValueError as error:
        raise CorruptCheckpoint(checkpoint, f"{name} is not readable JSON") from error
    return content


def _head(checkpoint: Path, labels: int, width: int) -> nn.Linear:
    try:
        arrays = load_file(checkpoint / HEAD)
    except SafetensorError as error:
        raise CorruptCheckpoint(checkpoint, f"{HEAD} cannot be read: {error}") from error
    shapes = {name: array.shape for name, array in arrays.items()}
    if shapes != {"weight": (labels, width), "bias": (labels,)}:
        raise CorruptCheckpoint(checkpoint, f"{HEAD} does not fit its {labels} labels and an encoder of width {width}")
    head = nn.Linear(width, labels)
    head.load_state_dict({name: torch.from_numpy(array) for name, array in arrays.items()})
    return head
