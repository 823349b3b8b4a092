"""Two people answer one proposal at once: the ledger takes one answer, and what was declined is not done."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from core.config import Config
from core.errors import NothingProposed
from core.home import Home
from core.ledger_tables.proposals import Proposal
from core.loop.accepting import accept, decline
from core.records import JobRecord

STORED = Path(__file__).parents[1] / "stored" / "format-1"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(Config(home=tmp_path))
    home.registry.promote("m", home.registry.add(STORED, "m"))
    return home


def propose(home: Home) -> Proposal:
    return home.ledger.proposals.propose("m", "1", action="retrain", waiting=None, reason="Drift.", decision_id=None)


def test_of_accept_and_decline_at_once_one_is_told(home: Home) -> None:
    for _ in range(20):
        number = propose(home).id
        with ThreadPoolExecutor() as both:
            answers = [both.submit(order, home, "m", by="x", proposal_id=number) for order in (accept, decline)]
        refused = [answer for answer in answers if isinstance(answer.exception(), NothingProposed)]
        waiting: list[JobRecord] = home.jobs.unfinished("m")
        assert len(refused) == 1
        assert [job.id for job in waiting] == [job for job in [home.ledger.proposals.latest("m")[0].job_id] if job]
        for job in waiting:
            home.jobs.cancel(job.id)
