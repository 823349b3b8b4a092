"""A package: a folder with all that serving and monitoring need. An incomplete package is refused.

model.onnx       graph: input_ids, attention_mask[, token_type_ids] (n, length) int64
                 → logits (n, k) float32, embedding (n, d) float32
tokenizer.json   Hugging Face `tokenizers` file
package.json     the fields of `PackageFacts`
reference.npz    `Features` of the drift reference, without pickles
texts.npz        `core.texts.summary` of the reference, without pickles; packages of earlier releases have none
left_out.npz     `LeftOut`, what rows of unknown labels look like; not in packages of earlier releases
rungs.json       the rungs as measured on the machine of the export; rungs.html shows them
manifest.json    format version, and size and sha256 of each file above
"""

from __future__ import annotations

import hashlib
import json
import math
import mmap
from dataclasses import MISSING, asdict, dataclass, field, fields
from functools import cache, partial
from pathlib import Path
from typing import Any, ClassVar, Literal, TypeVar
from zipfile import BadZipFile

import numpy as np
from pydantic import ConfigDict, TypeAdapter, ValidationError

from core.datasets import Text, input_of
from core.durable import sha256_of
from core.errors import CorruptPackage
from core.features import Features
from core.labels import SEPARATOR, Kind
from core.left_out import LeftOut
from core.lineage import Lineage

FORMAT = 1
GRAPH, TOKENIZER, REFERENCE = "model.onnx", "tokenizer.json", "reference.npz"
LEFT_OUT = "left_out.npz"
FACTS, MANIFEST = "package.json", "manifest.json"
RUNGS, RUNGS_PAGE = "rungs.json", "rungs.html"
MEASURED = (RUNGS, RUNGS_PAGE)
"""Not part of the digest, because measured speeds vary: the same checkpoint, settings and rung give the same digest."""

_STRICT = ConfigDict(extra="forbid", strict=True)


@dataclass(frozen=True)
class FileFacts:
    """One file of a package; sha256 in lower-case hexadecimal digits."""

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT

    sha256: str
    size_bytes: int


@dataclass(frozen=True)
class Manifest:
    """Content of `manifest.json`; `digest` is the sha256 of `format` and `files` without the files in `MEASURED`."""

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT

    format: int
    digest: str
    files: dict[str, FileFacts]


@dataclass(frozen=True)
class PackageFacts:
    """Content of `package.json`.

    `score_function`: "softmax" for a single-label model, "sigmoid" for a multi-label model. A multi-label text gets the
    labels whose score reaches their entry in `thresholds`. The model abstains below `abstain_below`; None: never.
    `is_paired`: the model takes pairs of texts. `pad_id`: the token that pads shorter rows of a batch.
    `rungs`: the rungs that were built, with their accuracy; their speeds are in the files `MEASURED`.
    `golden`: predictions recorded at export, {"text", "pair"?, "label", "scores"}; verification compares with them.
    """

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT

    labels: list[str]
    score_function: Literal["softmax", "sigmoid"]
    temperature: float
    max_length: int
    rung: str
    is_paired: bool = False
    pad_id: int = 0
    thresholds: dict[str, float] = field(default_factory=dict)
    abstain_below: float | None = None
    metrics: dict[str, Any] = field(default_factory=dict)
    lineage: Lineage = Lineage()
    rungs: list[dict[str, Any]] = field(default_factory=list)
    golden: list[dict[str, Any]] = field(default_factory=list)

    @property
    def kind(self) -> Kind:
        return "multi-label" if self.score_function == "sigmoid" else "single-label"

    @property
    def task(self) -> str:
        """The task in words."""
        return task_in_words(self.kind, is_paired=self.is_paired)

    @property
    def golden_inputs(self) -> list[Text]:
        return [input_of(entry["text"], entry.get("pair")) for entry in self.golden]


def task_in_words(kind: Kind, *, is_paired: bool) -> str:
    """
    >>> task_in_words("multi-label", is_paired=False)
    'single texts with any number of labels each'
    """
    inputs = "pairs of texts" if is_paired else "single texts"
    return f"{inputs} with {'any number of labels' if kind == 'multi-label' else 'one label'} each"


def write_facts(folder: Path, facts: PackageFacts) -> None:
    _write_json(folder / FACTS, asdict(facts))


def write_reference(folder: Path, reference: Features) -> None:
    arrays = {item.name: getattr(reference, item.name) for item in fields(reference)}
    np.savez(folder / REFERENCE, **{name: array for name, array in arrays.items() if array is not None})


def write_left_out(folder: Path, left_out: LeftOut | None) -> None:
    if left_out is not None:
        np.savez(folder / LEFT_OUT, **{item.name: getattr(left_out, item.name) for item in fields(left_out)})


def write_rungs(folder: Path, rungs: dict[str, Any], page: str) -> None:
    _write_json(folder / RUNGS, rungs)
    (folder / RUNGS_PAGE).write_text(page, encoding="utf-8")


def write_manifest(folder: Path) -> str:
    """Write the manifest of all files in the folder; return the package's digest."""
    files = {
        path.name: FileFacts(sha256_of(path), path.stat().st_size)
        for path in sorted(folder.iterdir())
        if path.name != MANIFEST
    }
    digest = _digest(files)
    _write_json(folder / MANIFEST, asdict(Manifest(FORMAT, digest, files)))
    return digest


def verify_files(folder: Path) -> str:
    """The package's digest; raises `CorruptPackage` if its files are not exactly the files in the manifest.

    Does not look at the content of the files, which `core.verification` does.
    """
    found = _read_json(folder, MANIFEST)
    if found.get("format") != FORMAT:
        raise CorruptPackage(folder, f"its format is {found.get('format')!r}, this Retune reads {FORMAT}")
    manifest = _parsed(_manifest(), found, folder, MANIFEST)
    if manifest.digest != _digest(manifest.files):
        raise CorruptPackage(folder, f"{MANIFEST} was changed after it was written")
    _require_same_names(folder, set(manifest.files))
    for name, facts in manifest.files.items():
        if sha256_of(folder / name) != facts.sha256:
            raise CorruptPackage(folder, f"{name} differs from its sha256 in {MANIFEST}")
    if _keeps_weights_outside(folder / GRAPH):
        raise CorruptPackage(folder, f"{GRAPH} keeps weights in another file")
    return manifest.digest


_EXTERNAL = b"\n\x08location\x12"
"""Marks a tensor in another file in ONNX's protobuf: field 1 (8 bytes, "location"), then field 2, the path."""


def _keeps_weights_outside(graph: Path) -> bool:
    """Searches the file without loading it into memory, because servers verify every version that they load."""
    if not graph.stat().st_size:
        return False
    with graph.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return content.find(_EXTERNAL) >= 0


def _require_same_names(folder: Path, listed: set[str]) -> None:
    entries = list(folder.iterdir())
    odd = sorted(entry.name for entry in entries if entry.is_symlink() or not entry.is_file())
    if odd:
        raise CorruptPackage(folder, f"{odd[0]} is not a plain file")
    present = {entry.name for entry in entries} - {MANIFEST}
    if missing := sorted((listed | {GRAPH, TOKENIZER, FACTS, REFERENCE}) - present):
        raise CorruptPackage(folder, f"{missing[0]} is missing")
    if extra := sorted(present - listed):
        raise CorruptPackage(folder, f"{extra[0]} is not named in {MANIFEST}")


def read_digest(folder: Path) -> str:
    """The digest in the manifest, without verifying the files."""
    return str(_read_json(folder, MANIFEST).get("digest"))


def read_facts(folder: Path) -> PackageFacts:
    """Raises `CorruptPackage` if a value has the wrong type or contradicts another one."""
    return facts_in(_read_json(folder, FACTS), folder)


def facts_in(content: dict[str, Any], folder: Path) -> PackageFacts:
    """As `read_facts`, of the content of the package's `package.json`; `folder`: the package."""
    facts = _parsed(_package_facts(), content, folder, FACTS)
    if problem := _problem_of(facts):
        raise CorruptPackage(folder, f"{FACTS} says that {problem}")
    return facts


Facts = TypeVar("Facts")


# To make an adapter takes 7 ms, to use it a fraction of one.
@cache
def _package_facts() -> TypeAdapter[PackageFacts]:
    return TypeAdapter(PackageFacts)


@cache
def _manifest() -> TypeAdapter[Manifest]:
    return TypeAdapter(Manifest)


def _parsed(adapter: TypeAdapter[Facts], content: dict[str, Any], folder: Path, name: str) -> Facts:
    try:
        # As JSON, because in strict mode pydantic accepts no Python dict for a dataclass.
        return adapter.validate_json(json.dumps(content))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "it"
        raise CorruptPackage(folder, f"{name} does not fit: {place}: {first['msg'].lower()}") from error


def _problem_of(facts: PackageFacts) -> str | None:
    names = facts.labels
    scores = {*facts.thresholds.values(), facts.abstain_below or 0.0}
    problems = {
        "it has no labels": not names,
        "a label has no name": not all(names) and facts.kind == "single-label",
        "two labels have one name": len(set(names)) < len(names),
        f"a label holds {SEPARATOR!r}, which separates labels": facts.kind == "multi-label"
        and any(SEPARATOR in name for name in names),
        f"its temperature is {facts.temperature}": not (math.isfinite(facts.temperature) and facts.temperature > 0),
        f"its texts are cut at {facts.max_length} tokens": facts.max_length < 1,
        f"rows are padded with token {facts.pad_id}": facts.pad_id < 0,
        "a threshold belongs to a label that it does not have": not set(facts.thresholds) <= set(names),
        "a threshold is not between 0 and 1": not all(0 <= score <= 1 for score in scores),
        "a golden answer lacks its text or its scores": not all(map(partial(_is_golden, facts), facts.golden)),
    }
    return next((problem for problem, applies in problems.items() if applies), None)


def _is_golden(facts: PackageFacts, entry: dict[str, Any]) -> bool:
    texts = [entry.get("text"), *([entry.get("pair")] if facts.is_paired else [])]
    scores = entry.get("scores")
    return (
        all(isinstance(text, str) for text in texts) and isinstance(scores, dict) and set(scores) == set(facts.labels)
    )


def read_reference(folder: Path) -> Features:
    """Unknown features are ignored; features with a default may be missing.

    Raises `CorruptPackage` if another feature is missing, or the file cannot be read.
    """
    try:
        with np.load(folder / REFERENCE, allow_pickle=False) as arrays:
            wanted = [item.name for item in fields(Features) if item.name in arrays or item.default is MISSING]
            return Features(**{name: arrays[name] for name in wanted})
    except (OSError, ValueError, KeyError, BadZipFile) as error:
        raise CorruptPackage(folder, f"{REFERENCE} cannot be read: {error}") from error


def read_left_out(folder: Path) -> LeftOut | None:
    """None if the package has none; raises `CorruptPackage` if it cannot be read or its parts do not fit together."""
    if not (folder / LEFT_OUT).is_file():
        return None
    try:
        with np.load(folder / LEFT_OUT, allow_pickle=False) as arrays:
            found = LeftOut(**{item.name: arrays[item.name] for item in fields(LeftOut)})
    except (OSError, ValueError, KeyError, BadZipFile) as error:
        raise CorruptPackage(folder, f"{LEFT_OUT} cannot be read: {error}") from error
    if not found.is_sound:
        raise CorruptPackage(folder, f"the parts of {LEFT_OUT} do not fit together")
    return found


def size_mb(folder: Path) -> float:
    """Megabytes (10⁶ bytes) of the whole folder."""
    return sum(path.stat().st_size for path in folder.iterdir()) / 1e6


def _digest(files: dict[str, FileFacts]) -> str:
    content = {name: asdict(facts) for name, facts in files.items() if name not in MEASURED}
    return hashlib.sha256(json.dumps([FORMAT, content], sort_keys=True).encode()).hexdigest()


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
