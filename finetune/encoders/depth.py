"""The depth of each parameter in a transformer: embeddings, blocks, or after the last block."""

from __future__ import annotations

from torch import nn
from transformers import PreTrainedModel

from core.errors import UnusableBaseModel

# Modules outside the blocks that every block uses, such as relative positions, have the depth of the embeddings.
_AFTER_LAST_BLOCK = ("final_norm", "pooler")
# The convolution of DeBERTa-v2 reads the output of the first block.
_WITH_FIRST_BLOCK = "conv"


def blocks(transformer: PreTrainedModel) -> list[nn.Module]:
    """The blocks of the transformer from first to last, each module once: ALBERT applies its one block many times.

    Raises `UnusableBaseModel` if the transformer has no module list of the length that `config.json` names.
    """
    return list(_block_list(transformer)[1])


def embeddings_of(transformer: PreTrainedModel) -> nn.Module:
    """The module with the token, position and segment embeddings; raises `UnusableBaseModel`."""
    embeddings = getattr(transformer, "embeddings", None)
    if not isinstance(embeddings, nn.Module):
        raise _unknown_structure(transformer, "no module 'embeddings'")
    return embeddings


def transformer_depths(transformer: PreTrainedModel) -> dict[str, int]:
    """Depth by parameter name: 0 for the embeddings, 1 to L for the blocks, L + 1 for what follows the last block."""
    prefix, block_list = _block_list(transformer)
    return {name: _depth(name, prefix, len(block_list)) for name, _ in transformer.named_parameters()}


def linear_targets(transformer: PreTrainedModel) -> list[str]:
    """Names of all linear modules in the blocks: the target modules of LoRA."""
    prefix, _ = _block_list(transformer)
    return [
        name
        for name, module in transformer.named_modules()
        if name.startswith(f"{prefix}.") and isinstance(module, nn.Linear)
    ]


def _block_list(transformer: PreTrainedModel) -> tuple[str, nn.ModuleList]:
    """Name and module of the outermost list with one module per layer, or per group of layers that share weights."""
    config = transformer.config
    expected = getattr(config, "num_hidden_groups", config.num_hidden_layers)
    for name, module in transformer.named_modules():
        if isinstance(module, nn.ModuleList) and len(module) == expected:
            return name, module
    raise _unknown_structure(transformer, f"no list of {expected} blocks")


def _depth(name: str, prefix: str, layers: int) -> int:
    if name.startswith(f"{prefix}."):
        return int(name.removeprefix(f"{prefix}.").split(".", 1)[0]) + 1
    parts = name.split(".")
    if any(part in parts for part in _AFTER_LAST_BLOCK):
        return layers + 1
    return 1 if _WITH_FIRST_BLOCK in parts else 0


def _unknown_structure(transformer: PreTrainedModel, found: str) -> UnusableBaseModel:
    family = str(transformer.config.model_type)
    return UnusableBaseModel(family, f"it has {found}", "Use the method 'features', or another base model.")
