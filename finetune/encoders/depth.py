"""Where in a transformer a parameter stands: the embeddings, a block, or on top of the last one."""

from __future__ import annotations

from torch import nn
from transformers import PreTrainedModel

from core.errors import UnusableBaseModel

# Beside the blocks there are things that every block uses (relative positions and their norm: as deep as the
# embeddings) and things that work on what the last block gave.
_AFTER_LAST_BLOCK = ("final_norm", "pooler")
# DeBERTa-v2's convolution works on what the first block gave.
_WITH_FIRST_BLOCK = "conv"


def blocks(transformer: PreTrainedModel) -> list[nn.Module]:
    """The transformer's blocks from bottom to top, each module once.

    ALBERT applies one block many times: there it is the only one. Raises `UnusableBaseModel` where no
    list of as many modules as `config.json` names layers is found.
    """
    return list(_block_list(transformer)[1])


def embeddings_of(transformer: PreTrainedModel) -> nn.Module:
    """Token, position and segment tables with their norm; raises `UnusableBaseModel`."""
    embeddings = getattr(transformer, "embeddings", None)
    if not isinstance(embeddings, nn.Module):
        raise _unknown_structure(transformer, "no module 'embeddings'")
    return embeddings


def transformer_depths(transformer: PreTrainedModel) -> dict[str, int]:
    """Of each parameter's name: 0 for the embeddings, 1 to L for the blocks, L + 1 for what lies on top of them."""
    prefix, block_list = _block_list(transformer)
    return {name: _depth(name, prefix, len(block_list)) for name, _ in transformer.named_parameters()}


def linear_targets(transformer: PreTrainedModel) -> list[str]:
    """Names of the linear modules of every block, of attention and of MLP: where adapters go."""
    prefix, _ = _block_list(transformer)
    return [
        name
        for name, module in transformer.named_modules()
        if name.startswith(f"{prefix}.") and isinstance(module, nn.Linear)
    ]


def _block_list(transformer: PreTrainedModel) -> tuple[str, nn.ModuleList]:
    """The outermost list with a module for each layer, or, where layers share weights, for each group of them."""
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
    return UnusableBaseModel(family, f"there is {found} in it", "Use the method 'features', or another base model.")
