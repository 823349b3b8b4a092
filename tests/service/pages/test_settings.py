from __future__ import annotations

import re
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from core.config import Config, load_config
from core.config_sources import sources_of
from core.freezes import Freeze
from core.loop.orders import freeze
from service.worker import Worker
from tests.service.conftest import local_client

FILE = """
[ledger]
keep = "features"
[policy.models.tickets]
mode = "auto"
[policy.models."<b>x"]
mode = "auto"
[alerts]
secret = "s3cret"
"""


@pytest.fixture
def configured(config: Config, tmp_path: Path, worker: Worker) -> TestClient:
    """Of a worker whose config comes from a file; `worker` has put the model in service."""
    path = tmp_path / "retune.toml"
    path.write_text(FILE)
    environment = {"RETUNE_HOME": str(config.home)}
    read = load_config(path, environment=environment)
    return local_client(Worker(read, sources=sources_of(path, environment=environment)))


def test_values_have_their_source_and_what_reads_them(configured: TestClient, tmp_path: Path) -> None:
    page = configured.get("/dashboard/-/settings").text
    row = re.search(r"<code>ledger\.keep</code>.*?</tr>", page, re.S)
    assert row is not None
    assert all(words in row[0] for words in ("features", f"the file {tmp_path / 'retune.toml'}", "gateway"))
    assert re.search(r"<code>drift\.alpha</code>.*?unset.*?default.*?monitor, worker", page, re.S)
    assert "s3cret" not in page


def test_the_policy_of_each_model_is_told_in_sentences(configured: TestClient, worker: Worker) -> None:
    freeze(worker.home, "tickets", Freeze("", None, "Christmas"))
    page = configured.get("/dashboard/-/settings").text
    assert "The loop retrains and rolls back by itself." in page
    assert "Set for this model alone" in page
    assert "Its champion is frozen until a person ends it (Christmas)." in page


def test_a_table_of_an_unknown_model_is_told(configured: TestClient, client: TestClient) -> None:
    page = configured.get("/dashboard/-/settings").text
    assert "<code>policy.models.&lt;b&gt;x</code>" in page
    assert "Unknown models" not in client.get("/dashboard/-/settings").text


def test_the_settings_need_no_ledger(client: TestClient, config: Config) -> None:
    (config.home / "ledger.db").mkdir(parents=True)
    assert client.get("/dashboard/-/settings").status_code == 200
    assert client.get("/dashboard/-/settings?x=<script>").status_code == 400
