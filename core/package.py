"""A package: one folder that is enough to serve and to monitor, complete or refused.

model.onnx       graph: input_ids, attention_mask[, token_type_ids] (n, length) int64
                 → logits (n, k) float32, embedding (n, d) float32
tokenizer.json   Hugging Face `tokenizers` file
package.json     what `PackageFacts` holds
reference.npz    `Features` of the drift reference, without pickles
manifest.json    format version, and size and sha256 of each file above
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from core.datasets import Text, input_of
from core.durable import sha256_of
from core.errors import CorruptPackage
from core.features import Features
from core.labels import Kind

FORMAT = 1
GRAPH, TOKENIZER, FACTS, REFERENCE, MANIFEST = (
    "model.onnx",
    "tokenizer.json",
    "package.json",
    "reference.npz",
    "manifest.json",
)


@dataclass(frozen=True)
class PackageFacts:
    """What a package says of itself. `lineage` holds fingerprints: base model, data sets, checkpoint.

    `score_function`: "softmax", or "sigmoid" where a text may have several labels; those are given whose
    score reaches their entry in `thresholds`. A score below `abstain_below` is an abstention; None: never.
    `is_paired`: it answers pairs of texts. `pad_id`: the token that fills up shorter rows of a batch.
    `golden`: answers as recorded, {"text", "pair"?, "label", "scores"}.
    """

    labels: list[str]
    score_function: str
    temperature: float
    max_length: int
    rung: str
    is_paired: bool = False
    pad_id: int = 0
    thresholds: dict[str, float] = field(default_factory=dict)
    abstain_below: float | None = None
    metrics: dict[str, Any] = field(default_factory=dict)
    lineage: dict[str, Any] = field(default_factory=dict)
    rungs: list[dict[str, Any]] = field(default_factory=list)
    golden: list[dict[str, Any]] = field(default_factory=list)

    @property
    def kind(self) -> Kind:
        return "multi-label" if self.score_function == "sigmoid" else "single-label"

    @property
    def task(self) -> str:
        """What it answers, in words."""
        inputs = "pairs of texts" if self.is_paired else "single texts"
        return f"{inputs} with {'any number of labels' if self.kind == 'multi-label' else 'one label'} each"

    @property
    def golden_inputs(self) -> list[Text]:
        return [input_of(entry["text"], entry.get("pair")) for entry in self.golden]


def write_facts(folder: Path, facts: PackageFacts) -> None:
    _write_json(folder / FACTS, asdict(facts))


def write_reference(folder: Path, reference: Features) -> None:
    arrays: dict[str, Any] = {name: getattr(reference, name) for name in Features.__dataclass_fields__}
    np.savez(folder / REFERENCE, **arrays)


def write_manifest(folder: Path) -> str:
    """Seal a folder: list every file with its size and sha256; returns the package's digest."""
    files = {
        path.name: {"sha256": sha256_of(path), "size_bytes": path.stat().st_size}
        for path in sorted(folder.iterdir())
        if path.name != MANIFEST
    }
    digest = _digest(files)
    _write_json(folder / MANIFEST, {"format": FORMAT, "digest": digest, "files": files})
    return digest


def verify_package(folder: Path) -> str:
    """The package's digest, when every file is what the manifest says and nothing else is there.

    Raises `CorruptPackage` with the reason.
    """
    manifest = _read_json(folder, MANIFEST)
    files = manifest.get("files")
    if manifest.get("format") != FORMAT:
        raise CorruptPackage(folder, f"its format is {manifest.get('format')!r}, this Retune reads {FORMAT}")
    if not isinstance(files, dict) or manifest.get("digest") != _digest(files):
        raise CorruptPackage(folder, f"{MANIFEST} was changed after it was written")
    _require_same_names(folder, set(files))
    for name, facts in files.items():
        if sha256_of(folder / name) != facts["sha256"]:
            raise CorruptPackage(folder, f"{name} differs from its sha256 in {MANIFEST}")
    return str(manifest["digest"])


def _require_same_names(folder: Path, listed: set[str]) -> None:
    entries = list(folder.iterdir())
    odd = [entry.name for entry in entries if entry.is_symlink() or not entry.is_file()]
    if odd:
        raise CorruptPackage(folder, f"{odd[0]} is not a plain file")
    present = {entry.name for entry in entries} - {MANIFEST}
    if missing := sorted((listed | {GRAPH, TOKENIZER, FACTS, REFERENCE}) - present):
        raise CorruptPackage(folder, f"{missing[0]} is missing")
    if extra := sorted(present - listed):
        raise CorruptPackage(folder, f"{extra[0]} is not named in {MANIFEST}")


def read_digest(folder: Path) -> str:
    """The digest as the manifest states it, without verifying the files."""
    return str(_read_json(folder, MANIFEST).get("digest"))


def read_facts(folder: Path) -> PackageFacts:
    facts = _read_json(folder, FACTS)
    try:
        return PackageFacts(**facts)
    except TypeError as error:
        raise CorruptPackage(folder, f"{FACTS} does not fit: {error}") from error


def read_reference(folder: Path) -> Features:
    try:
        with np.load(folder / REFERENCE, allow_pickle=False) as arrays:
            return Features(**{name: arrays[name] for name in Features.__dataclass_fields__})
    except (OSError, ValueError, KeyError, BadZipFile) as error:
        raise CorruptPackage(folder, f"{REFERENCE} cannot be read: {error}") from error


def size_mb(folder: Path) -> float:
    """Megabytes (10⁶ bytes) of the whole folder."""
    return sum(path.stat().st_size for path in folder.iterdir()) / 1e6


def _digest(files: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps([FORMAT, files], sort_keys=True).encode()).hexdigest()


def _read_json(folder: Path, name: str) -> dict[str, Any]:
    try:
        content = json.loads((folder / name).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise CorruptPackage(folder, f"{name} is missing") from error
    except (OSError, ValueError) as error:
        raise CorruptPackage(folder, f"{name} is not readable JSON") from error
    if not isinstance(content, dict):
        raise CorruptPackage(folder, f"{name} is not a JSON object")
    return content


def _write_json(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False, sort_keys=True) + "\n", encoding="utf-8")
