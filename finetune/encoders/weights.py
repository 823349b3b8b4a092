"""The safetensors files of a base model: one file, or shards with an index. No other format is opened."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from pathlib import Path

from safetensors import SafetensorError, safe_open

from core.durable import sha256_of
from core.errors import UnusableBaseModel
from finetune.encoders.architecture import REFETCH, read_config

WEIGHTS, INDEX = "model.safetensors", "model.safetensors.index.json"
_OTHER_FORMATS = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.h5", "*.msgpack")


def weight_files(name: str, folder: Path) -> list[Path]:
    """The weights file, or its shards sorted by name; raises `UnusableBaseModel`."""
    if (folder / WEIGHTS).is_file():
        return [folder / WEIGHTS]
    if (folder / INDEX).is_file():
        return _shards(name, folder)
    others = sorted(path.name for pattern in _OTHER_FORMATS for path in folder.glob(pattern))
    if others:
        problem = f"its weights exist as {others[0]} only, a format that can contain code and is never opened"
        raise UnusableBaseModel(name, problem, f"Name a revision or a folder with {WEIGHTS}.")
    raise UnusableBaseModel(name, f"{folder / WEIGHTS} is missing", "Name a folder that holds safetensors weights.")


def _shards(name: str, folder: Path) -> list[Path]:
    listed = read_config(name, folder / INDEX).get("weight_map")
    shards = sorted({str(file) for file in listed.values()}) if isinstance(listed, dict) else []
    if not shards or any(Path(shard).name != shard for shard in shards):
        raise UnusableBaseModel(name, f"{folder / INDEX} does not name the files beside it", REFETCH)
    missing = [shard for shard in shards if not (folder / shard).is_file()]
    if missing:
        problem = f"{len(missing)} of its {len(shards)} weight files are missing, {missing[0]} first"
        raise UnusableBaseModel(name, problem, REFETCH)
    return [folder / shard for shard in shards]


def weights_sha256(files: Sequence[Path]) -> str:
    """The sha256 of the file; for shards, the sha256 of the output of `sha256sum model-*.safetensors`."""
    if len(files) == 1:
        return sha256_of(files[0])
    listed = "".join(f"{sha256_of(file)}  {file.name}\n" for file in files)
    return hashlib.sha256(listed.encode()).hexdigest()


def count_parameters(name: str, files: Sequence[Path]) -> int:
    """Number of parameters in the files, including heads of the pretraining; raises `UnusableBaseModel`."""
    return sum(_count(name, file) for file in files)


def _count(name: str, file: Path) -> int:
    try:
        # Reads only the header and detects truncated files.
        with safe_open(file, framework="numpy") as tensors:
            slices = [tensors.get_slice(key) for key in tensors.keys()]  # noqa: SIM118  # no mapping
            return sum(math.prod(part.get_shape()) for part in slices if "F" in part.get_dtype())
    except (SafetensorError, OSError) as error:
        raise UnusableBaseModel(name, f"{file} is damaged: {error}", REFETCH) from error
