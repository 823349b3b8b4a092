"""A page changes nothing on a volume that has room for the change, but not for its record."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.config import Config
from core.freezes import freeze_of
from service.worker import Worker
from tests.service.conftest import local_client, put_in_service
from tests.service.pages.forms import ORIGIN, form_token
from tests.small_volume import fill, small_volume

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="mounting needs root")
MODEL = "/dashboard/tickets"
FREED_BYTES = 2**15


@pytest.fixture
def worker(config: Config, tiny_package: Path, second_package: Path, tmp_path: Path) -> Iterator[Worker]:
    with small_volume(tmp_path / "volume", size="8m") as volume:
        on_volume = config.model_copy(update={"home": volume / "home"})
        put_in_service(on_volume, tiny_package).add(second_package, "tickets")
        yield Worker(on_volume)


def test_forms_wait_for_room(worker: Worker) -> None:
    home, client = worker.home, local_client(worker)
    number = home.ledger.proposals.propose(
        "tickets", "1", action="retrain", waiting=None, reason="Drift.", decision_id=None
    ).id
    token = form_token(client.get(MODEL).text)
    filler = home.folder.parent / "filler"
    fill(home.folder.parent)
    os.truncate(filler, filler.stat().st_size - FREED_BYTES)
    forms = {
        "versions/2/promote": {"expected": "1"},
        "freeze": {"expected": "1"},
        "accept": {"proposal": str(number)},
    }
    for path, fields in forms.items():
        data = {"form_token": token, **fields}
        answer = client.post(f"{MODEL}/{path}", data=data, headers=ORIGIN, follow_redirects=False)
        assert (answer.status_code, "Free some" in answer.text) == (503, True), path
    assert home.registry.champion("tickets").version == "1"
    assert freeze_of(home.registry, "tickets", now="") is None
    assert home.jobs.latest("tickets") == []
    filler.unlink()
    data = {"form_token": token, "proposal": str(number)}
    assert client.post(f"{MODEL}/accept", data=data, headers=ORIGIN, follow_redirects=False).status_code == 303
