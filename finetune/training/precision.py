"""The precision of a training, by the kind of processor: a measurement would depend on the load of the machine."""

from __future__ import annotations

import torch

from finetune.encoders.encoder import Encoder, supports_bfloat16
from finetune.training.recipe import Precision


def precision_of(encoder: Encoder) -> Precision:
    """bfloat16 for a wide encoder on a processor that multiplies it in hardware, else float32, which is more exact."""
    is_faster = encoder.is_wide and supports_bfloat16(encoder) and _multiplies_bfloat16()
    return "bfloat16" if is_faster else "float32"


def _multiplies_bfloat16() -> bool:
    if torch.cuda.is_available():
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return bool(torch.cpu._is_amx_tile_supported() or torch.cpu._is_avx512_bf16_supported())
