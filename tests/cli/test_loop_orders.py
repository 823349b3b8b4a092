"""`accept`, `resume`, `freeze`, `unfreeze` and `policy simulate`, as they are typed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from core.champion import read_champion
from core.config import Config
from core.home import Home
from core.records import Decision
from lifecycle.act import act
from tests.cli.conftest import Command

STORED = Path(__file__).parents[1] / "core" / "stored" / "format-1"


@pytest.fixture
def proposed(home: Path) -> Home:
    """A home in which a retrain of `m` is proposed."""
    opened = Home(Config(home=home))
    opened.registry.promote("m", opened.registry.add(STORED, "m"))
    opened.ledger.record_decision("m", Decision("retrain", "Accuracy fell."), check_id=None)
    act(opened, read_champion(opened.registry, "m"), opened.ledger.decisions("m")[0])
    return opened


def test_a_proposal_is_accepted_once(retune: Command, proposed: Home) -> None:
    code, out, _ = retune("accept", "m", "--json")
    assert code == 0
    assert json.loads(out) == {"model": "m", "proposal": 1, "action": "retrain", "job": 1, "status": "queued"}
    code, out, err = retune("accept", "m")
    assert (code, out) == (1, "")
    assert err == (
        "Error: No proposal of 'm' waits for an answer; 'retune decisions m' shows what was decided, "
        "'retune retrain m' asks for a retrain.\n"
    )
    assert "loop      accepted retrain (job 1) by " in retune("decisions", "m")[1]


def test_a_proposal_is_declined_with_a_reason(retune: Command, proposed: Home) -> None:
    code, out, _ = retune("decline", "m", "--reason", "after the release")
    assert code == 0
    assert out.startswith("Declined: retrain. It is proposed again after 10 further texts are labelled, or after: ")
    assert "loop      declined retrain by " in retune("decisions", "m")[1]
    code, out, err = retune("decline", "m")
    assert (code, out, err.startswith("Error: No proposal of 'm' waits for an answer;")) == (1, "", True)


def test_orders_for_a_model_that_is_not_there_are_one_sentence(retune: Command, proposed: Home) -> None:
    for words in ("accept", "decline", "resume", "freeze", "unfreeze", "policy simulate"):
        code, out, err = retune(*words.split(), "x")
        assert (code, out) == (1, "")
        assert err.startswith("Error: No model 'x'")


def test_a_freeze_says_until_when_and_how_to_end_it(retune: Command, proposed: Home) -> None:
    code, out, _ = retune("freeze", "m", "--until", "2034-12-24T18:00+01:00", "--reason", "sale")
    assert code == 0
    assert "m@1 is frozen until 24 Dec 2034, 17:00 UTC (sale). To end that: " in out
    code, _, err = retune("rollback", "m")
    assert code == 1
    assert "The champion of 'm' is frozen until 24 Dec 2034, 17:00 UTC (sale)." in err
    assert retune("unfreeze", "m")[1] == "m may be promoted again.\n"
    assert retune("unfreeze", "m")[1] == "m was not frozen.\n"
    code, _, err = retune("freeze", "m", "--until", "tomorrow")
    assert (code, err.startswith("Error: 'tomorrow' is no time within ten years.")) == (1, True)


def test_a_policy_is_tried_on_the_ledger(retune: Command, proposed: Home, tmp_path: Path) -> None:
    found = json.loads(retune("policy", "simulate", "m", "--json")[1])
    assert (found["is_as_recorded"], found["proposed"], found["policy"]["mode"]) == (True, 1, "ask")
    (tmp_path / "other.toml").write_text('[policy.models.m]\nmode = "auto"\nstop_after = 9\n')
    found = json.loads(retune("policy", "simulate", "m", "--config", "other.toml", "--cooldown", "1h", "--json")[1])
    assert (found["started"], found["policy"]["cooldown_s"], found["policy"]["stop_after"]) == (1, 3600, 9)
    assert proposed.jobs.latest() == []
    code, out, err = retune("policy", "simulate", "m", "--cooldown", "never")
    assert (code, out) == (1, "")
    assert "'never': it is no duration such as 90m, 6h or 2d" in err
