"""Family, sizes and limits of a transformer, read from `config.json` without loading the weights."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.errors import UnusableBaseModel

CONFIG, TOKENIZER_CONFIG = "config.json", "tokenizer_config.json"

# Each family is tested in tests/finetune/encoders/test_families.py.
FAMILIES = (
    "albert",
    "bert",
    "camembert",
    "deberta",
    "deberta-v2",
    "distilbert",
    "electra",
    "modernbert",
    "mpnet",
    "roberta",
    "xlm-roberta",
)
# The first position of these families is the padding id + 1; earlier rows of the position table are unused.
_OFFSET_FAMILIES = {"camembert", "mpnet", "roberta", "xlm-roberta"}
_DECODER_CLASSES = ("ForCausalLM", "LMHeadModel", "DoubleHeadsModel")

REFETCH = "Fetch that file again, or name another base model."
_CURE = "Name an encoder such as BERT, RoBERTa, DeBERTa or ModernBERT."


@dataclass(frozen=True)
class Architecture:
    """`family` is the model_type of transformers, `max_positions` the maximum length with special tokens.

    `token_types` is the number of segment types, 0 if the model has no token type input.
    """

    family: str
    hidden_size: int
    layers: int
    max_positions: int
    vocabulary: int
    token_types: int
    pad_id: int
    classifier_pooling: str | None


def read_architecture(name: str, folder: Path) -> Architecture:
    """Raises `UnusableBaseModel` if the model is not an encoder of a known family, or needs custom code."""
    stated = read_config(name, folder / CONFIG)
    _require_no_code(name, folder, stated)
    _require_encoder(name, stated)
    config = _with_defaults(name, folder)
    pad_id = int(getattr(config, "pad_token_id", None) or 0)
    return Architecture(
        family=str(config.model_type),
        hidden_size=int(config.hidden_size),
        layers=int(config.num_hidden_layers),
        max_positions=int(config.max_position_embeddings) - _offset(str(config.model_type), pad_id),
        vocabulary=int(config.vocab_size),
        token_types=int(getattr(config, "type_vocab_size", 0) or 0),
        pad_id=pad_id,
        classifier_pooling=getattr(config, "classifier_pooling", None),
    )


def read_config(name: str, path: Path, *, of: type = dict) -> Any:
    """The content of a JSON file, which must have the type `of`; raises `UnusableBaseModel`."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise UnusableBaseModel(name, f"{path} is missing", "Name a folder that holds a model.") from error
    except (OSError, ValueError) as error:
        raise UnusableBaseModel(name, f"{path} cannot be read: {error}", REFETCH) from error
    if not isinstance(content, of):
        raise UnusableBaseModel(name, f"{path} holds no JSON {of.__name__}", REFETCH)
    return content


def _require_no_code(name: str, folder: Path, stated: dict[str, Any]) -> None:
    tokenizer = read_config(name, folder / TOKENIZER_CONFIG) if (folder / TOKENIZER_CONFIG).is_file() else {}
    for file, content in ((CONFIG, stated), (TOKENIZER_CONFIG, tokenizer)):
        if content.get("auto_map"):
            problem = f"{file} asks for custom code (auto_map), which is never run"
            raise UnusableBaseModel(name, problem, "Name a base model whose code is part of transformers.")


def _require_encoder(name: str, stated: dict[str, Any]) -> None:
    family = stated.get("model_type")
    classes = [str(entry) for entry in stated.get("architectures") or ()]
    kind = f"{family!r}{f' ({classes[0]})' if classes else ''}"
    if stated.get("is_encoder_decoder"):
        raise UnusableBaseModel(name, f"{kind} is an encoder-decoder model, not an encoder", _CURE)
    if stated.get("is_decoder") or any(entry.endswith(_DECODER_CLASSES) for entry in classes):
        raise UnusableBaseModel(name, f"{kind} is a decoder, whose tokens attend only to earlier ones", _CURE)
    if family not in FAMILIES:
        known = ", ".join(FAMILIES)
        raise UnusableBaseModel(name, f"its family {kind} is not supported", f"Supported: {known}.")
    if stated.get("quantization_config"):
        problem = "its weights are quantized and cannot be trained"
        raise UnusableBaseModel(name, problem, "Name the model with weights in full precision.")


def _with_defaults(name: str, folder: Path) -> Any:
    """The config as read by transformers, which adds defaults for missing values."""
    from transformers import AutoConfig  # takes seconds to import, and the checks above do not need it

    try:
        return AutoConfig.from_pretrained(folder, trust_remote_code=False)
    except Exception as error:  # TypeError, ValueError, or validation errors of huggingface_hub
        problem = f"{folder / CONFIG} does not fit its family: {first_line(error)}"
        raise UnusableBaseModel(name, problem, REFETCH) from error


def _offset(family: str, pad_id: int) -> int:
    return pad_id + 1 if family in _OFFSET_FAMILIES else 0


def first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)
