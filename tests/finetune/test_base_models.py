import json
from pathlib import Path

import pytest

from core.errors import UnusableBaseModel
from finetune import base_models
from finetune.base_models import DEFAULT_ID, find_base_model


def test_default_is_the_checked_package() -> None:
    base = find_base_model("default")
    assert (base.name, base.pooling) == (DEFAULT_ID, "mean")


def test_default_with_other_bytes_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base_models, "DEFAULT_SHA256", "0" * 64)
    with pytest.raises(UnusableBaseModel, match="sha256"):
        find_base_model("default")


def test_hub_id_without_revision_is_refused() -> None:
    with pytest.raises(UnusableBaseModel, match="names no revision"):
        find_base_model("some/model")


def test_missing_path_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnusableBaseModel, match="no such folder"):
        find_base_model(str(tmp_path / "absent"))


def test_pooling_is_what_sentence_transformers_wrote(tiny_base_model: Path, tmp_path: Path) -> None:
    for name in ("config.json", "model.safetensors", "tokenizer.json"):
        (tmp_path / name).write_bytes((tiny_base_model / name).read_bytes())
    without = find_base_model(str(tmp_path))
    (tmp_path / "1_Pooling").mkdir()
    (tmp_path / "1_Pooling" / "config.json").write_text(json.dumps({"pooling_mode_cls_token": True}))
    pooled = find_base_model(str(tmp_path))
    assert (without.pooling, pooled.pooling) == ("mean", "cls")
    assert without.fingerprint != pooled.fingerprint
