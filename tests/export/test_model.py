"""Checkpoints that can run code, or whose files do not match each other, are refused with the reason."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from core.checkpoint import ENCODER, HEAD, SAMPLE, read_training, write_training
from core.errors import CorruptCheckpoint
from export.model import CONFIG, TOKENIZER_CONFIG, read_source


@pytest.fixture
def checkpoint(tiny_checkpoint: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "checkpoint"
    shutil.copytree(tiny_checkpoint, folder)
    return folder


def update_json(path: Path, **facts: Any) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **facts}))


def delete_encoder(folder: Path) -> None:
    (folder / ENCODER).unlink()


def pickle_the_weights(folder: Path) -> None:
    (folder / ENCODER).rename(folder / "pytorch_model.bin")


def add_code(folder: Path) -> None:
    (folder / "modeling_own.py").write_text("raise SystemExit")


def require_code(folder: Path) -> None:
    update_json(folder / CONFIG, auto_map={"AutoModel": "modeling_own.OwnModel"})


def require_code_to_tokenize(folder: Path) -> None:
    update_json(folder / TOKENIZER_CONFIG, auto_map={"AutoTokenizer": ["own.Tokenizer", None]})


def replace_tokenizer(folder: Path) -> None:
    content = json.loads((folder / "tokenizer.json").read_text())
    content["model"]["vocab"].update({f"new{number}": 10_000 + number for number in range(5)})
    (folder / "tokenizer.json").write_text(json.dumps(content))


def break_tokenizer(folder: Path) -> None:
    (folder / "tokenizer.json").write_text("{}")


def truncate_weights(folder: Path) -> None:
    content = (folder / ENCODER).read_bytes()
    (folder / ENCODER).write_bytes(content[: len(content) // 2])


def remove_a_label(folder: Path) -> None:
    arrays = load_file(folder / HEAD)
    save_file({name: array[:-1] for name, array in arrays.items()}, folder / HEAD)


def widen_head(folder: Path) -> None:
    arrays = load_file(folder / HEAD)
    save_file({**arrays, "weight": np.concatenate([arrays["weight"]] * 2, axis=1)}, folder / HEAD)


def break_config(folder: Path) -> None:
    (folder / CONFIG).write_text("{")


def empty_sample(folder: Path) -> None:
    (folder / SAMPLE).write_text("")


def break_sample(folder: Path) -> None:
    (folder / SAMPLE).write_text('["text"]\n')


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (delete_encoder, "model.safetensors is missing"),
        (pickle_the_weights, "pytorch_model.bin can run code"),
        (add_code, "modeling_own.py can run code"),
        (require_code, "config.json asks for custom code"),
        (require_code_to_tokenize, "tokenizer_config.json asks for custom code"),
        (replace_tokenizer, "has token id 10004, but the encoder has"),
        (break_tokenizer, "it cannot be loaded"),
        (truncate_weights, "it cannot be loaded"),
        (remove_a_label, "does not fit its 3 labels"),
        (widen_head, "an encoder of width 32"),
        (break_config, "config.json is not readable JSON"),
        (empty_sample, "sample.jsonl has no text"),
        (break_sample, "sample.jsonl does not have one JSON object"),
    ],
)
def test_damaged_checkpoint_is_refused(damage: Callable[[Path], None], reason: str, checkpoint: Path) -> None:
    """The hashes are updated after the damage."""
    read_source(checkpoint)
    training = read_training(checkpoint)
    damage(checkpoint)
    write_training(checkpoint, training)
    with pytest.raises(CorruptCheckpoint, match=reason):
        read_source(checkpoint)


def test_an_unlisted_adapter_is_refused(checkpoint: Path) -> None:
    (checkpoint / "adapter_config.json").write_text("{}")
    with pytest.raises(CorruptCheckpoint, match=r"adapter_config\.json is not named in training\.json"):
        read_source(checkpoint)


def test_maximum_length_above_that_of_the_encoder_is_refused(checkpoint: Path) -> None:
    write_training(checkpoint, replace(read_training(checkpoint), max_length=1000))
    with pytest.raises(CorruptCheckpoint, match="length is 1000 tokens, but the encoder has 64"):
        read_source(checkpoint)
