"""The pooling of a base model, read from its files; the default is the mean."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from core.errors import UnusableBaseModel
from finetune.encoders.architecture import Architecture, read_config

Pooling = Literal["mean", "cls"]

MODULES, POOLING = "modules.json", "1_Pooling/config.json"
# Embeddings are L2-normalised, so a sum divided by the square root of the length equals the mean.
_MODES: dict[str, Pooling] = {"mean": "mean", "mean_sqrt_len_tokens": "mean", "cls": "cls"}
# The keys of sentence-transformers before it introduced "pooling_mode".
_FLAGS = {
    "pooling_mode_cls_token": "cls",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len_tokens",
    "pooling_mode_weightedmean_tokens": "weightedmean",
    "pooling_mode_lasttoken": "lasttoken",
}
_CURE = "Name another base model."


def pooling_of(name: str, folder: Path, architecture: Architecture) -> Pooling:
    """The pooling in the files of sentence-transformers, else `classifier_pooling` of `config.json`, else the mean.

    Raises `UnusableBaseModel` for another pooling, and for modules that a checkpoint cannot store.
    """
    path = _pooling_config(name, folder)
    if path is not None:
        return _read_pooling(name, path)
    return "cls" if architecture.classifier_pooling == "cls" else "mean"


def pooling_files(folder: Path) -> list[Path]:
    """The files in the folder that define the pooling."""
    return [path for path in (folder / MODULES, *sorted(folder.glob("*_Pooling/config.json"))) if path.is_file()]


def _pooling_config(name: str, folder: Path) -> Path | None:
    if not (folder / MODULES).is_file():
        return folder / POOLING if (folder / POOLING).is_file() else None
    found = None
    for module in _modules(name, folder):
        kind = _kind(module)
        if kind == "Transformer" and not module.get("path"):
            continue
        if kind == "Pooling":
            found = folder / str(module.get("path")) / "config.json"
        elif kind != "Normalize":  # every embedding is normalised anyway
            raise UnusableBaseModel(name, *_unsupported_module(kind, module))
    return found


def _modules(name: str, folder: Path) -> list[dict[str, Any]]:
    modules: list[dict[str, Any]] = read_config(name, folder / MODULES, of=list)
    if not all(isinstance(module, dict) for module in modules):
        raise UnusableBaseModel(name, f"{folder / MODULES} is not a list of modules", _CURE)
    return modules


def _kind(module: dict[str, Any]) -> str:
    """Class name if the module is from sentence-transformers, else its full import path."""
    full = str(module.get("type"))
    return full.rsplit(".", 1)[-1] if full.startswith("sentence_transformers.") else full


def _unsupported_module(kind: str, module: dict[str, Any]) -> tuple[str, str]:
    place = module.get("path") or "its folder"
    if kind == "Transformer":
        return f"{MODULES} keeps the transformer in {place}", "Name a revision that keeps it beside that file."
    problem = f"{MODULES} adds {kind} ({place}) to the transformer, which a checkpoint cannot hold"
    return problem, f"Name another base model, or remove the entry from {MODULES} to train without it."


def _read_pooling(name: str, path: Path) -> Pooling:
    config = read_config(name, path)
    stated = config.get("pooling_mode", [mode for flag, mode in _FLAGS.items() if config.get(flag)] or "mean")
    modes = [stated] if isinstance(stated, str) else list(stated)
    if len(modes) != 1 or modes[0] not in _MODES:
        raise UnusableBaseModel(name, f"{path} pools by {' and '.join(map(str, modes))}, not by mean or cls", _CURE)
    return _MODES[modes[0]]
