from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from core.errors import UnusableBaseModel
from finetune.encoders.base_models import find_base_model

TRANSFORMER = {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"}
POOLING = {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"}
NORMALIZE = {"idx": 2, "name": "2", "path": "2_Normalize", "type": "sentence_transformers.models.Normalize"}
# As sentence-transformers 6 writes it.
NEWER = {**POOLING, "type": "sentence_transformers.sentence_transformer.modules.pooling.Pooling"}


@pytest.fixture
def folder(tiny_base_model: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_base_model, tmp_path / "base"))


def write_json(path: Path, content: Any) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(content), encoding="utf-8")


def pooling(folder: Path, config: dict[str, Any], *modules: dict[str, Any]) -> str:
    if modules:
        write_json(folder / "modules.json", modules)
    write_json(folder / "1_Pooling" / "config.json", config)
    return find_base_model(str(folder)).pooling


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False}, "cls"),
        ({"pooling_mode_cls_token": False, "pooling_mode_mean_tokens": True}, "mean"),
        ({"pooling_mode": "cls"}, "cls"),
        ({"pooling_mode": ["mean"]}, "mean"),
        # It has the direction of the mean, and embeddings are normalised.
        ({"pooling_mode_mean_sqrt_len_tokens": True}, "mean"),
        ({"word_embedding_dimension": 32}, "mean"),
    ],
)
@pytest.mark.parametrize("modules", [(), (TRANSFORMER, POOLING), (TRANSFORMER, NEWER, NORMALIZE)])
def test_pooling_is_read_from_the_files_of_sentence_transformers(
    folder: Path, config: dict[str, Any], expected: str, modules: tuple[dict[str, Any], ...]
) -> None:
    assert pooling(folder, config, *modules) == expected


@pytest.mark.parametrize(
    ("config", "named"),
    [
        ({"pooling_mode_max_tokens": True}, "max"),
        ({"pooling_mode_lasttoken": True}, "lasttoken"),
        ({"pooling_mode": "weightedmean"}, "weightedmean"),
        ({"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": True}, "cls and mean"),
        ({"pooling_mode": ["mean", "max"]}, "mean and max"),
    ],
)
def test_unsupported_pooling_is_refused(folder: Path, config: dict[str, Any], named: str) -> None:
    with pytest.raises(UnusableBaseModel, match=f"pools by {named}, not by mean or cls"):
        pooling(folder, config, TRANSFORMER, POOLING)


@pytest.mark.parametrize(
    ("module", "sentence"),
    [
        ({"path": "2_Dense", "type": "sentence_transformers.models.Dense"}, r"adds Dense \(2_Dense\)"),
        ({"path": "2_LN", "type": "sentence_transformers.models.LayerNorm"}, "adds LayerNorm"),
        ({"path": "", "type": "custom_code.Pooler"}, r"adds custom_code\.Pooler"),
        ({**TRANSFORMER, "path": "0_Transformer"}, "keeps the transformer in 0_Transformer"),
    ],
)
def test_unsupported_module_is_refused(folder: Path, module: dict[str, Any], sentence: str) -> None:
    with pytest.raises(UnusableBaseModel, match=sentence):
        pooling(folder, {"pooling_mode": "mean"}, TRANSFORMER, POOLING, module)


def test_missing_pooling_config_is_refused(folder: Path) -> None:
    write_json(folder / "modules.json", [TRANSFORMER, POOLING])
    with pytest.raises(UnusableBaseModel, match=r"1_Pooling/config\.json is missing"):
        find_base_model(str(folder))


@pytest.mark.parametrize("content", [{}, ["Pooling"], 5])
def test_invalid_module_list_is_refused(folder: Path, content: Any) -> None:
    write_json(folder / "modules.json", content)
    with pytest.raises(UnusableBaseModel, match=r"modules\.json"):
        find_base_model(str(folder))


def test_default_pooling_is_the_mean(folder: Path) -> None:
    assert find_base_model(str(folder)).pooling == "mean"


@pytest.mark.parametrize("stated", ["cls", "mean"])
def test_pooling_falls_back_to_classifier_pooling_of_the_config(folder: Path, stated: str) -> None:
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    write_json(folder / "config.json", {**config, "classifier_pooling": stated})
    assert find_base_model(str(folder)).pooling == stated


def test_fingerprint_covers_the_pooling(folder: Path) -> None:
    plain = find_base_model(str(folder)).fingerprint
    write_json(folder / "1_Pooling" / "config.json", {"pooling_mode": "mean"})
    assert find_base_model(str(folder)).fingerprint != plain
