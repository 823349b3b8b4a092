"""The methods by name."""

from __future__ import annotations

from finetune.methods.auto import fit_auto
from finetune.methods.features import fit_features
from finetune.methods.full import fit_full
from finetune.methods.layerwise import fit_layerwise
from finetune.methods.lora import fit_lora
from finetune.task import Method

METHODS: dict[str, Method] = {
    "auto": fit_auto,
    "features": fit_features,
    "full": fit_full,
    "layerwise": fit_layerwise,
    "lora": fit_lora,
}
