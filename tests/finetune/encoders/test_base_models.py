from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file
from transformers import AutoModel

from core.errors import UnusableBaseModel
from finetune.encoders import base_models
from finetune.encoders.base_models import DEFAULT_ID, DEFAULT_SHA256, facts_of, find_base_model
from finetune.encoders.encoder import embed, load_encoder, load_tokenizer

WEIGHTS = "model.safetensors"


@pytest.fixture
def folder(tiny_base_model: Path, tmp_path: Path) -> Path:
    """A base model to spoil."""
    return Path(shutil.copytree(tiny_base_model, tmp_path / "base"))


@pytest.fixture
def sharded(tiny_base_model: Path, tmp_path: Path) -> Path:
    """The same model, its weights in several files."""
    folder = Path(shutil.copytree(tiny_base_model, tmp_path / "sharded"))
    (folder / WEIGHTS).unlink()
    AutoModel.from_pretrained(tiny_base_model).save_pretrained(folder, max_shard_size="20KB")
    return folder


def change(path: Path, **entries: Any) -> None:
    content = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    path.write_text(json.dumps({**content, **entries}), encoding="utf-8")


def refused(folder: Path | str, sentence: str) -> None:
    with pytest.raises(UnusableBaseModel, match=sentence):
        find_base_model(str(folder))


def test_default_is_the_checked_package() -> None:
    base = find_base_model("default")
    assert (base.name, base.pooling, base.weights_sha256) == (DEFAULT_ID, "mean", DEFAULT_SHA256)


def test_default_with_other_bytes_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base_models, "DEFAULT_SHA256", "0" * 64)
    refused("default", "sha256")


def test_facts_of_the_default_are_those_of_minilm() -> None:
    facts = facts_of(find_base_model("default"))
    assert (facts.family, facts.hidden_size, facts.layers, facts.max_positions) == ("bert", 384, 6, 512)
    assert facts.parameters == 22_713_216


def test_provenance_is_plain_json(folder: Path) -> None:
    stated = asdict(facts_of(find_base_model(str(folder))))
    assert json.loads(json.dumps(stated)) == stated
    assert stated["weights_sha256"] == hashlib.sha256((folder / WEIGHTS).read_bytes()).hexdigest()


def test_hub_id_without_revision_is_refused() -> None:
    refused("some/model", "names no revision")


def test_missing_path_is_refused(tmp_path: Path) -> None:
    refused(tmp_path / "absent", "no such folder")


@pytest.mark.parametrize("name", ["config.json", WEIGHTS, "tokenizer.json"])
def test_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    refused(folder, f"{name} is missing")


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe\x00", b"5"])
def test_unreadable_config_is_refused(folder: Path, content: bytes) -> None:
    (folder / "config.json").write_bytes(content)
    refused(folder, r"config\.json (cannot be read|holds no JSON)")


@pytest.mark.parametrize("entries", [{"hidden_size": "wide"}, {"hidden_size": 33}, {"num_hidden_layers": None}])
def test_config_that_makes_no_sense_is_refused_before_training(folder: Path, entries: dict[str, Any]) -> None:
    change(folder / "config.json", **entries)
    with pytest.raises(UnusableBaseModel):
        load_encoder(find_base_model(str(folder)))


@pytest.mark.parametrize("name", ["config.json", "tokenizer_config.json"])
def test_model_that_needs_code_of_its_own_is_refused(folder: Path, name: str) -> None:
    change(folder / name, auto_map={"AutoModel": "modeling.Model"})
    refused(folder, rf"{name} asks for code of its own \(auto_map\)")


@pytest.mark.parametrize(
    ("entries", "sentence"),
    [
        ({"model_type": "gpt2", "architectures": ["GPT2LMHeadModel"]}, "'gpt2' .* is a decoder"),
        ({"model_type": "llama", "architectures": ["LlamaForCausalLM"]}, "'llama' .* is a decoder"),
        ({"model_type": "llama", "architectures": None}, "'llama' is not one that is known"),
        ({"model_type": "bert", "is_decoder": True}, "'bert' .* is a decoder"),
        ({"model_type": "t5", "is_encoder_decoder": True}, "'t5' .* encoder with a decoder"),
        ({"model_type": "bart", "is_encoder_decoder": True}, "'bart' .* encoder with a decoder"),
        ({"model_type": "vit", "architectures": ["ViTModel"]}, r"'vit' \(ViTModel\) is not one that is known"),
        ({"model_type": ["bert"]}, "is not one that is known"),
        ({"quantization_config": {"quant_method": "bitsandbytes"}}, "quantized"),
    ],
)
def test_what_is_no_encoder_is_refused_before_its_weights_are_read(
    folder: Path, entries: dict[str, Any], sentence: str
) -> None:
    change(folder / "config.json", **entries)
    (folder / WEIGHTS).write_bytes(b"never read")
    refused(folder, sentence)


@pytest.mark.parametrize("name", ["pytorch_model.bin", "tf_model.h5", "flax_model.msgpack"])
def test_weights_in_another_format_only_are_refused(folder: Path, name: str) -> None:
    (folder / WEIGHTS).rename(folder / name)
    refused(folder, rf"{name} only, .* never opened\. .*{WEIGHTS}")


@pytest.mark.parametrize("kept", [0, 4, 100, -1])
def test_weights_that_were_cut_short_are_refused(folder: Path, kept: int) -> None:
    (folder / WEIGHTS).write_bytes((folder / WEIGHTS).read_bytes()[:kept])
    refused(folder, rf"{WEIGHTS} is damaged")


def test_weights_of_another_shape_are_refused(folder: Path) -> None:
    change(folder / "config.json", intermediate_size=48)
    with pytest.raises(UnusableBaseModel):
        load_encoder(find_base_model(str(folder)))


def test_weights_that_lack_a_layer_are_refused(folder: Path) -> None:
    change(folder / "config.json", num_hidden_layers=3)
    base = find_base_model(str(folder))
    with pytest.raises(UnusableBaseModel, match=r"lack 16 of the weights .* encoder\.layer\.2\."):
        load_encoder(base)


def test_weights_without_a_pooler_are_enough(folder: Path) -> None:
    tensors = load_file(folder / WEIGHTS)
    save_file({key: value for key, value in tensors.items() if "pooler" not in key}, folder / WEIGHTS, {"format": "pt"})
    base = find_base_model(str(folder))
    encoders = [load_encoder(base) for _ in range(2)]
    states = [encoder.transformer.state_dict() for encoder in encoders]
    assert all("pooler" not in key for key in states[0])
    assert all(bool((states[0][key] == states[1][key]).all()) for key in states[0])


def test_tokenizer_with_more_ids_than_embeddings_is_refused(folder: Path) -> None:
    content = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
    content["model"]["vocab"]["surplus"] = 5000
    (folder / "tokenizer.json").write_text(json.dumps(content), encoding="utf-8")
    base = find_base_model(str(folder))
    with pytest.raises(UnusableBaseModel, match="ids up to 5000, its embeddings have"):
        load_tokenizer(base.name, base.folder, 32)


@pytest.mark.parametrize("content", [b"", b"{}", b'{"model": 5}'])
def test_unreadable_tokenizer_is_refused(folder: Path, content: bytes) -> None:
    (folder / "tokenizer.json").write_bytes(content)
    with pytest.raises(UnusableBaseModel):
        load_tokenizer("spoilt", folder, 32)


def test_tokenizer_that_names_no_padding_pads_with_the_models(folder: Path) -> None:
    config = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))
    del config["pad_token"]
    (folder / "tokenizer_config.json").write_text(json.dumps(config), encoding="utf-8")
    assert load_tokenizer("base", folder, 32).tokenizer.pad_token == "[PAD]"


def test_tokenizer_set_to_the_left_pads_and_cuts_on_the_right(folder: Path) -> None:
    change(folder / "tokenizer_config.json", padding_side="left", truncation_side="left")
    tokenizer = load_tokenizer("base", folder, 4)
    rows = tokenizer.encode(["refund invoice card price", "refund"])
    assert tokenizer.batch(rows)["attention_mask"].tolist() == [[1, 1, 1, 1], [1, 1, 1, 0]]
    assert rows[0].ids[1] == rows[1].ids[1]


def test_shards_are_the_same_model(tiny_base_model: Path, sharded: Path) -> None:
    bases = [find_base_model(str(path)) for path in (tiny_base_model, sharded)]
    one, several = (
        embed(load_encoder(base), load_tokenizer(base.name, base.folder, 32), ["refund my invoice"]) for base in bases
    )
    np.testing.assert_array_equal(one, several)
    assert facts_of(bases[0]).parameters == facts_of(bases[1]).parameters
    assert len(list(sharded.glob("model-*.safetensors"))) > 1


def test_every_shard_counts_for_the_fingerprint(sharded: Path) -> None:
    before = find_base_model(str(sharded))
    for shard in sorted(sharded.glob("model-*.safetensors")):
        content = shard.read_bytes()
        shard.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
        after = find_base_model(str(sharded))
        assert (after.fingerprint, after.weights_sha256) != (before.fingerprint, before.weights_sha256)
        shard.write_bytes(content)
    assert find_base_model(str(sharded)) == before


def test_missing_shard_is_refused(sharded: Path) -> None:
    lost = sorted(sharded.glob("model-*.safetensors"))[1]
    lost.unlink()
    refused(sharded, f"1 of its .* weight files are missing, {lost.name}")


@pytest.mark.parametrize("weight_map", [None, {}, [], {"a": "../outside.safetensors"}, {"a": "/etc/hostname"}])
def test_index_that_names_no_file_beside_it_is_refused(sharded: Path, weight_map: Any) -> None:
    change(sharded / "model.safetensors.index.json", weight_map=weight_map)
    refused(sharded, "does not name the files beside it")


def test_pinned_weights_pass_and_others_are_refused(folder: Path) -> None:
    sha256 = hashlib.sha256((folder / WEIGHTS).read_bytes()).hexdigest()
    assert find_base_model(f"{folder}#sha256={sha256.upper()}") == find_base_model(str(folder))
    refused(f"{folder}#sha256={'0' * 64}", f"the sha256 of .* is {sha256}, not {'0' * 64}")


def test_pinned_shards_have_the_hash_of_their_list(sharded: Path) -> None:
    command = "sha256sum model-*.safetensors | sha256sum"
    printed = subprocess.run(["sh", "-c", command], cwd=sharded, capture_output=True, text=True, check=True).stdout
    assert find_base_model(f"{sharded}#sha256={printed.split()[0]}")


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "tokenizer_config.json", WEIGHTS, "modules.json"])
def test_pinned_fingerprint_covers_every_file_that_is_read(folder: Path, name: str) -> None:
    (folder / "modules.json").write_text("[]")
    pinned = f"{folder}#fingerprint={find_base_model(str(folder)).fingerprint}"
    assert find_base_model(pinned)
    content = (folder / name).read_bytes()
    (folder / name).write_bytes(content[:-1] + bytes([content[-1] ^ 1]) if name == WEIGHTS else content + b"\n")
    refused(pinned, "the fingerprint of .* is .*, not")


@pytest.mark.parametrize("pin", ["#sha256=abc", "#sha256=", f"#sha1={'0' * 64}"])
def test_pin_that_is_no_hash_is_refused(folder: Path, pin: str) -> None:
    refused(f"{folder}{pin}", "is no hash to compare with")


def test_default_can_be_pinned_too() -> None:
    assert find_base_model(f"default#sha256={DEFAULT_SHA256}").name == DEFAULT_ID


def test_folder_of_a_family_is_known_by_its_own_name(family_folder: Callable[[str], Path]) -> None:
    base = find_base_model(str(family_folder("roberta")))
    assert (base.revision, facts_of(base).family) == ("", "roberta")
