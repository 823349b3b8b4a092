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
    """A copy of the base model that tests may damage."""
    return Path(shutil.copytree(tiny_base_model, tmp_path / "base"))


@pytest.fixture
def sharded(tiny_base_model: Path, tmp_path: Path) -> Path:
    """The same model with its weights in several files."""
    folder = Path(shutil.copytree(tiny_base_model, tmp_path / "sharded"))
    (folder / WEIGHTS).unlink()
    AutoModel.from_pretrained(tiny_base_model).save_pretrained(folder, max_shard_size="20KB")
    return folder


def update_json(path: Path, **entries: Any) -> None:
    content = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    path.write_text(json.dumps({**content, **entries}), encoding="utf-8")


def assert_refused(folder: Path | str, sentence: str) -> None:
    with pytest.raises(UnusableBaseModel, match=sentence):
        find_base_model(str(folder))


def test_default_has_the_expected_hash() -> None:
    base = find_base_model("default")
    assert (base.name, base.pooling, base.weights_sha256) == (DEFAULT_ID, "mean", DEFAULT_SHA256)


def test_default_with_another_hash_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base_models, "DEFAULT_SHA256", "0" * 64)
    assert_refused("default", "sha256")


def test_facts_of_the_default_are_those_of_minilm() -> None:
    facts = facts_of(find_base_model("default"))
    assert (facts.family, facts.hidden_size, facts.layers, facts.max_positions) == ("bert", 384, 6, 512)
    assert facts.parameters == 22_713_216


def test_facts_can_be_stored_as_json(folder: Path) -> None:
    facts = asdict(facts_of(find_base_model(str(folder))))
    assert json.loads(json.dumps(facts)) == facts
    assert facts["weights_sha256"] == hashlib.sha256((folder / WEIGHTS).read_bytes()).hexdigest()


def test_hub_id_without_revision_is_refused() -> None:
    assert_refused("some/model", "names no revision")


def test_missing_path_is_refused(tmp_path: Path) -> None:
    assert_refused(tmp_path / "absent", "no such folder")


@pytest.mark.parametrize("name", ["config.json", WEIGHTS, "tokenizer.json"])
def test_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    assert_refused(folder, f"{name} is missing")


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe\x00", b"5"])
def test_unreadable_config_is_refused(folder: Path, content: bytes) -> None:
    (folder / "config.json").write_bytes(content)
    assert_refused(folder, r"config\.json (cannot be read|holds no JSON)")


@pytest.mark.parametrize("entries", [{"hidden_size": "wide"}, {"hidden_size": 33}, {"num_hidden_layers": None}])
def test_invalid_config_is_refused_before_training(folder: Path, entries: dict[str, Any]) -> None:
    update_json(folder / "config.json", **entries)
    with pytest.raises(UnusableBaseModel):
        load_encoder(find_base_model(str(folder)))


@pytest.mark.parametrize("name", ["config.json", "tokenizer_config.json"])
def test_model_with_custom_code_is_refused(folder: Path, name: str) -> None:
    update_json(folder / name, auto_map={"AutoModel": "modeling.Model"})
    assert_refused(folder, rf"{name} asks for custom code \(auto_map\)")


@pytest.mark.parametrize(
    ("entries", "sentence"),
    [
        ({"model_type": "gpt2", "architectures": ["GPT2LMHeadModel"]}, "'gpt2' .* is a decoder"),
        ({"model_type": "llama", "architectures": ["LlamaForCausalLM"]}, "'llama' .* is a decoder"),
        ({"model_type": "llama", "architectures": None}, "'llama' is not supported"),
        ({"model_type": "bert", "is_decoder": True}, "'bert' .* is a decoder"),
        ({"model_type": "t5", "is_encoder_decoder": True}, "'t5' .* encoder-decoder"),
        ({"model_type": "bart", "is_encoder_decoder": True}, "'bart' .* encoder-decoder"),
        ({"model_type": "vit", "architectures": ["ViTModel"]}, r"'vit' \(ViTModel\) is not supported"),
        ({"model_type": ["bert"]}, "is not supported"),
        ({"quantization_config": {"quant_method": "bitsandbytes"}}, "quantized"),
    ],
)
def test_model_that_is_not_an_encoder_is_refused_without_reading_its_weights(
    folder: Path, entries: dict[str, Any], sentence: str
) -> None:
    update_json(folder / "config.json", **entries)
    (folder / WEIGHTS).write_bytes(b"never read")
    assert_refused(folder, sentence)


@pytest.mark.parametrize("name", ["pytorch_model.bin", "tf_model.h5", "flax_model.msgpack"])
def test_weights_in_another_format_only_are_refused(folder: Path, name: str) -> None:
    (folder / WEIGHTS).rename(folder / name)
    assert_refused(folder, rf"{name} only, .* never opened\. .*{WEIGHTS}")


@pytest.mark.parametrize("kept", [0, 4, 100, -1])
def test_truncated_weights_are_refused(folder: Path, kept: int) -> None:
    (folder / WEIGHTS).write_bytes((folder / WEIGHTS).read_bytes()[:kept])
    assert_refused(folder, rf"{WEIGHTS} is damaged")


def test_weights_of_another_shape_are_refused(folder: Path) -> None:
    update_json(folder / "config.json", intermediate_size=48)
    with pytest.raises(UnusableBaseModel):
        load_encoder(find_base_model(str(folder)))


def test_weights_that_lack_a_layer_are_refused(folder: Path) -> None:
    update_json(folder / "config.json", num_hidden_layers=3)
    base = find_base_model(str(folder))
    with pytest.raises(UnusableBaseModel, match=r"lack 16 of the weights .* encoder\.layer\.2\."):
        load_encoder(base)


def test_weights_need_no_pooler(folder: Path) -> None:
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
        load_tokenizer("damaged", folder, 32)


def test_tokenizer_without_padding_token_uses_that_of_the_model(folder: Path) -> None:
    config = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))
    del config["pad_token"]
    (folder / "tokenizer_config.json").write_text(json.dumps(config), encoding="utf-8")
    assert load_tokenizer("base", folder, 32).tokenizer.pad_token == "[PAD]"


def test_tokenizer_pads_and_truncates_on_the_right_whatever_its_config_says(folder: Path) -> None:
    update_json(folder / "tokenizer_config.json", padding_side="left", truncation_side="left")
    tokenizer = load_tokenizer("base", folder, 4)
    rows = tokenizer.encode(["refund invoice card price", "refund"])
    assert tokenizer.batch(rows)["attention_mask"].tolist() == [[1, 1, 1, 1], [1, 1, 1, 0]]
    assert rows[0].ids[1] == rows[1].ids[1]


def test_shards_give_the_same_embeddings_as_one_file(tiny_base_model: Path, sharded: Path) -> None:
    bases = [find_base_model(str(path)) for path in (tiny_base_model, sharded)]
    one, several = (
        embed(load_encoder(base), load_tokenizer(base.name, base.folder, 32), ["refund my invoice"]) for base in bases
    )
    np.testing.assert_array_equal(one, several)
    assert facts_of(bases[0]).parameters == facts_of(bases[1]).parameters
    assert len(list(sharded.glob("model-*.safetensors"))) > 1


def test_fingerprint_covers_every_shard(sharded: Path) -> None:
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
    assert_refused(sharded, f"1 of its .* weight files are missing, {lost.name}")


@pytest.mark.parametrize("weight_map", [None, {}, [], {"a": "../outside.safetensors"}, {"a": "/etc/hostname"}])
def test_index_without_files_of_its_folder_is_refused(sharded: Path, weight_map: Any) -> None:
    update_json(sharded / "model.safetensors.index.json", weight_map=weight_map)
    assert_refused(sharded, "does not name the files beside it")


def test_weights_must_have_the_pinned_hash(folder: Path) -> None:
    sha256 = hashlib.sha256((folder / WEIGHTS).read_bytes()).hexdigest()
    assert find_base_model(f"{folder}#sha256={sha256.upper()}") == find_base_model(str(folder))
    assert_refused(f"{folder}#sha256={'0' * 64}", f"the sha256 of .* is {sha256}, not {'0' * 64}")


def test_pinned_hash_of_shards_is_that_of_the_sha256sum_output(sharded: Path) -> None:
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
    assert_refused(pinned, "the fingerprint of .* is .*, not")


@pytest.mark.parametrize("pin", ["#sha256=abc", "#sha256=", f"#sha1={'0' * 64}"])
def test_invalid_pinned_hash_is_refused(folder: Path, pin: str) -> None:
    assert_refused(f"{folder}{pin}", "is not a hash")


def test_default_can_be_pinned() -> None:
    assert find_base_model(f"default#sha256={DEFAULT_SHA256}").name == DEFAULT_ID


def test_folder_has_no_revision_and_a_family(family_folder: Callable[[str], Path]) -> None:
    base = find_base_model(str(family_folder("roberta")))
    assert (base.revision, facts_of(base).family) == ("", "roberta")
