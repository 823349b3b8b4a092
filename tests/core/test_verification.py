"""More than forty damaged or manipulated packages; each is refused with its reason."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from pydantic import TypeAdapter

from core.errors import CorruptPackage
from core.package import (
    FACTS,
    FORMAT,
    GRAPH,
    MANIFEST,
    REFERENCE,
    TOKENIZER,
    Manifest,
    PackageFacts,
    write_manifest,
)
from core.verification import SAME_MACHINE, verify_package

Damage = Callable[[Path], object]


def manifest_with(**changes: Any) -> Damage:
    def damage(folder: Path) -> None:
        path = folder / MANIFEST
        path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))

    return damage


def without(name: str) -> Damage:
    return lambda folder: (folder / name).unlink()


def flipped(name: str, place: float) -> Damage:
    def damage(folder: Path) -> None:
        content = bytearray((folder / name).read_bytes())
        content[int(place * (len(content) - 1))] ^= 0x10
        (folder / name).write_bytes(content)

    return damage


def cut(name: str) -> Damage:
    return lambda folder: (folder / name).write_bytes((folder / name).read_bytes()[:-100])


def sealed(damage: Damage) -> Damage:
    """Damage the package, then write a manifest that fits."""

    def damage_and_seal(folder: Path) -> None:
        damage(folder)
        write_manifest(folder)

    return damage_and_seal


def facts_with(**changes: Any) -> Damage:
    def damage(folder: Path) -> None:
        path = folder / FACTS
        path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))

    return sealed(damage)


def reference_with(**changes: Any) -> Damage:
    def damage(folder: Path) -> None:
        with np.load(folder / REFERENCE) as arrays:
            kept = {name: arrays[name] for name in arrays.files}
        np.savez(folder / REFERENCE, **{**kept, **changes})

    return sealed(damage)


def graph_changed(change: Callable[[onnx.ModelProto], object]) -> Damage:
    def damage(folder: Path) -> None:
        model = onnx.load(folder / GRAPH)
        change(model)
        onnx.save(model, folder / GRAPH)

    return sealed(damage)


def weights_in(location: str) -> Damage:
    def change(model: onnx.ModelProto) -> None:
        tensor = max(model.graph.initializer, key=lambda entry: len(entry.raw_data))
        tensor.ClearField("raw_data")
        tensor.data_location = TensorProto.EXTERNAL
        tensor.external_data.add(key="location", value=location)

    def damage(folder: Path) -> None:
        model = onnx.load(folder / GRAPH)
        change(model)
        (folder / GRAPH).write_bytes(model.SerializeToString())

    return sealed(damage)


def linked(name: str) -> Damage:
    def damage(folder: Path) -> None:
        (folder / name).rename(folder.parent / name)
        (folder / name).symlink_to(folder.parent / name)

    return damage


def opset_too_new(model: onnx.ModelProto) -> None:
    for entry in model.opset_import:
        entry.version = 999


def other_weights(model: onnx.ModelProto) -> None:
    tensor = max(model.graph.initializer, key=lambda entry: len(entry.raw_data))
    noise = np.random.default_rng(0).normal(size=tuple(tensor.dims)).astype(np.float32)
    tensor.CopyFrom(numpy_helper.from_array(noise, tensor.name))


def further_output(model: onnx.ModelProto) -> None:
    model.graph.output.append(helper.make_tensor_value_info(model.graph.node[0].output[0], TensorProto.FLOAT, None))


def unknown_operator(model: onnx.ModelProto) -> None:
    model.graph.node[-1].op_type = "Exec"


def golden_with(**changes: Any) -> Damage:
    def damage(folder: Path) -> None:
        path = folder / FACTS
        facts = json.loads(path.read_text())
        facts["golden"][0].update(changes)
        path.write_text(json.dumps(facts))

    return sealed(damage)


CASES: dict[str, tuple[Damage, str]] = {
    "no manifest": (without(MANIFEST), "manifest.json is missing"),
    "no graph": (without(GRAPH), "model.onnx is missing"),
    "no tokenizer": (without(TOKENIZER), "tokenizer.json is missing"),
    "no facts": (without(FACTS), "package.json is missing"),
    "no reference": (without(REFERENCE), "reference.npz is missing"),
    "sealed without tokenizer": (sealed(without(TOKENIZER)), "tokenizer.json is missing"),
    "one byte of the graph": (flipped(GRAPH, 0.5), "model.onnx differs from its sha256"),
    "the graph's last byte": (flipped(GRAPH, 1.0), "model.onnx differs from its sha256"),
    "one byte of the tokenizer": (flipped(TOKENIZER, 0.5), "tokenizer.json differs from its sha256"),
    "one byte of the facts": (flipped(FACTS, 0.5), "package.json differs from its sha256"),
    "one byte of the reference": (flipped(REFERENCE, 0.5), "reference.npz differs from its sha256"),
    "a graph that is cut": (cut(GRAPH), "model.onnx differs from its sha256"),
    "a file too many": (lambda folder: (folder / "run.py").write_text("1"), "run.py is not named"),
    "a folder too many": (lambda folder: (folder / "more").mkdir(), "more is not a plain file"),
    "a linked graph": (linked(GRAPH), "model.onnx is not a plain file"),
    "a linked manifest": (linked(MANIFEST), "manifest.json is not a plain file"),
    "a manifest that is no JSON": (lambda folder: (folder / MANIFEST).write_text("{"), "not readable JSON"),
    "a manifest that is a list": (lambda folder: (folder / MANIFEST).write_text("[]"), "not a JSON object"),
    "another format": (manifest_with(format=99), "its format is 99, this Retune reads 1"),
    "another digest": (manifest_with(digest="0" * 64), "manifest.json was changed"),
    "no files in the manifest": (manifest_with(files={}), "manifest.json was changed"),
    "files as a list": (manifest_with(files=[]), "manifest.json does not fit: files"),
    "more in the manifest": (manifest_with(author="me"), "manifest.json does not fit: author"),
    "no labels": (facts_with(labels=[]), "it has no labels"),
    "a label too many": (facts_with(labels=["a", "b", "c", "d"], golden=[]), "3 classes and package.json names 4"),
    "labels of one name": (facts_with(labels=["a", "a", "b"], golden=[]), "two labels have one name"),
    "labels that are numbers": (facts_with(labels=[1, 2, 3]), "package.json does not fit: labels.0"),
    "temperature zero": (facts_with(temperature=0.0), "its temperature is 0.0"),
    "temperature not a number": (facts_with(temperature=float("nan")), "its temperature is nan"),
    "another score function": (facts_with(score_function="argmax"), "package.json does not fit: score_function"),
    "a threshold above one": (facts_with(abstain_below=1.5), "a threshold is not between 0 and 1"),
    "a fact that is not known": (facts_with(hook="os.system"), "package.json does not fit: hook"),
    "a fact that is missing": (
        sealed(lambda folder: (folder / FACTS).write_text('{"labels": ["a"]}')),
        "package.json does not fit: score_function",
    ),
    "other golden scores": (golden_with(scores={}), "a golden answer lacks its text or its scores"),
    "weights beside the graph": (weights_in("weights"), "keeps weights in another file"),
    "weights outside the folder": (weights_in("../../weights"), "keeps weights in another file"),
    "an opset too new": (graph_changed(opset_too_new), "model.onnx cannot be loaded"),
    "an unknown operator": (graph_changed(unknown_operator), "model.onnx cannot be loaded"),
    "other weights": (graph_changed(other_weights), "golden text 1 is answered otherwise"),
    "a further output": (graph_changed(further_output), "not logits and embedding"),
    "a graph that is none": (
        sealed(lambda folder: (folder / GRAPH).write_bytes(b"PK")),
        "model.onnx cannot be loaded",
    ),
    "a tokenizer that is none": (
        sealed(lambda folder: (folder / TOKENIZER).write_text("{}")),
        "tokenizer.json cannot be loaded",
    ),
    "a reference that is none": (
        sealed(lambda folder: (folder / REFERENCE).write_bytes(b"no")),
        "reference.npz cannot be read",
    ),
    "a pickled reference": (
        reference_with(truth=np.array([object()], dtype=object)),
        "reference.npz cannot be read",
    ),
    "a reference of other width": (
        reference_with(embeddings=np.zeros((5, 3), dtype=np.float32)),
        "reference.npz does not fit",
    ),
    "a reference of no rows": (reference_with(predicted=np.zeros(0, dtype=np.int64)), "reference.npz does not fit"),
}


@pytest.mark.parametrize("name", CASES)
def test_a_damaged_package_is_refused(name: str, tiny_package: Path, tmp_path: Path) -> None:
    damage, reason = CASES[name]
    folder = tmp_path / "package"
    shutil.copytree(tiny_package, folder)
    damage(folder)
    with pytest.raises(CorruptPackage, match="is refused") as refusal:
        verify_package(folder)
    assert reason in str(refusal.value)


def test_a_valid_package_has_its_golden_answers(tiny_package: Path) -> None:
    assert verify_package(tiny_package, tolerance=SAME_MACHINE) < SAME_MACHINE


STORED = Path(__file__).parent / "stored" / f"format-{FORMAT}"


def test_an_old_package_of_this_format_is_still_valid() -> None:
    assert verify_package(STORED) < SAME_MACHINE


@pytest.mark.parametrize(("name", "kind"), [("manifest", Manifest), ("package", PackageFacts)])
def test_the_schemas_in_the_docs_are_those_of_the_code(name: str, kind: type) -> None:
    path = Path(__file__).parents[2] / "docs" / "schemas" / f"{name}.schema.json"
    stated = json.loads(path.read_text(encoding="utf-8"))
    assert stated.pop("$schema") == "https://json-schema.org/draft/2020-12/schema"
    assert stated == TypeAdapter(kind).json_schema()
