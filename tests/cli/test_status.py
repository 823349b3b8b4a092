"""`retune status` and `models`."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.clock import seconds_ago, sortable_id, utc_now
from core.home_processes.supervision import SupervisedProcess, Supervision, supervising
from core.jobs import JobQueue
from core.ledger import Ledger
from core.ledger_tables.heartbeats import Heartbeats
from core.ledger_tables.incidents import Cause, Incidents
from core.ledger_tables.proposals import Proposals
from core.ledger_tables.standing import Accuracy
from core.ledger_tables.traffic import Load, Traffic, TrafficMinute
from core.processes.owner import this_worker
from core.records import TRAFFIC, Decision, PredictionRecord, Verdict, Wanted
from core.share import Share, measured
from tests.cli.conftest import Command
from tests.cli.test_diff import variant


@pytest.fixture
def model(retune: Command, tiny_package: Path) -> str:
    retune("register", tiny_package, "--model", "m")
    retune("promote", "m@1")
    return "m"


def predict(ledger: Ledger, rows: int, *, version: str = "1") -> list[str]:
    vector = np.zeros(2, dtype=np.float32)
    ids = [sortable_id() for _ in range(rows)]
    records = [PredictionRecord(key, "m", version, utc_now(), key, "a", 0.5, 3, False, vector) for key in ids]
    ledger.record_predictions(records)
    return ids


def found(retune: Command, *words: str) -> dict[str, Any]:
    code, out, _ = retune("status", *words, "--json")
    assert code == 0
    model: dict[str, Any] = json.loads(out)["models"][0]
    return model


def test_where_no_model_is_it_says_where_it_looked(retune: Command, home: Path) -> None:
    for command in ("status", "models"):
        code, out, _ = retune(command)
        assert (code, out.startswith(f"The registry {home / 'registry'} holds no model.")) == (0, True)
        assert "'retune deploy FILE --model NAME'" in out
        assert json.loads(retune(command, "--json")[1])["models"] == []
    assert not home.exists()
    code, _, err = retune("status", "m")
    assert (code, "No model 'm'" in err) == (1, True)


def test_a_new_model_is_to_be_promoted_first(retune: Command, tiny_package: Path) -> None:
    retune("register", tiny_package, "--model", "m")
    facts = found(retune)
    assert facts["champion"] is None
    assert (facts["next"]["urgency"], facts["next"]["words"]) == ("act", ["promote", "m@1"])
    retune("promote", "m@1")
    facts = found(retune, "m")
    assert (facts["champion"]["version"], facts["champion"]["labels"]) == ("1", 3)
    assert facts["next"]["words"] == ["up"]


def test_a_full_record_is_told_in_about_ten_lines(retune: Command, ledger: Ledger, model: str, home: Path) -> None:
    predict(ledger, 3, version="0")
    ids = predict(ledger, 12)
    check = ledger.record_check(
        "m", "1", Verdict("drift", 0.002, 60, sentence="It moved.", since=utc_now()), source=TRAFFIC
    )
    ledger.record_check("m", "1", Verdict("insufficient_data", sentence="2 of 50 rows."), source=TRAFFIC)
    ledger.record_decision("m", Decision("label", "To be sure.", 10), check_id=check)
    ledger.request_labels("m", [Wanted(key, "measure") for key in ids[:10]], check_id=check)
    ledger.standings.record("m", "1", Accuracy(measured(15, 20), 0.95, 0.01, is_lost=True))
    Heartbeats(ledger.database).begin("monitor", this_worker())
    code, out, _ = retune("status", "m")
    lines = out.splitlines()
    assert code == 0
    assert len(lines) <= 10
    parts = [
        ("m ", "@1 in service since ", "1 version"),
        ("traffic ", "12 predictions in the last hour, the last one "),
        ("drift ", "drifted since ", "It moved. Since then: 2 of 50 rows."),
        ("accuracy ", "measured 75.0 % (95 % interval ", "20 labelled texts; 95.0 % expected, a loss"),
        ("labels ", "10 asked for, 0 given, 10 open"),
        ("decision ", "label 10", "To be sure."),
        ("next ", f"retune --home {home} labels export m --out m-labels.csv"),
        ("processes ", "monitor run; missing: gateway, worker"),
    ]
    assert [line for line in parts if not any(all(part in shown for part in line) for shown in lines)] == []
    assert "12 predictions in the last hour" in retune("models")[1]


def test_requests_of_the_last_hour_are_told_where_known(retune: Command, ledger: Ledger, model: str) -> None:
    traffic = Traffic(ledger.database)
    predict(ledger, 1)
    assert found(retune)["traffic"]["requests"] is None
    load = Load(requests=40, failed_requests=1, late_requests=1, seconds=[20, 0, 18, 0, 0, 1] + [0] * 8)
    traffic.add([TrafficMinute("m", "1", seconds_ago(60)[:16], load)])
    traffic.add([TrafficMinute("m", "1", seconds_ago(2 * 3600)[:16], Load(requests=9, failed_requests=9))])
    traffic.add([TrafficMinute("m", "1", seconds_ago(-3 * 3600)[:16], Load(requests=9, failed_requests=9))])
    told = found(retune)["traffic"]["requests"]
    assert told == {"requests": 40, "failed_share": 0.05, "median_s": 0.0025, "p95_s": 0.01}
    line = "1 prediction in the last hour, the last one 0 s ago; 5.0 % of 40 requests failed in the last hour, half "
    assert f"{line}answered within 2.5 ms, 95 % within 10 ms" in re.sub(r"\d+ s ago", "0 s ago", retune("status")[1])


def test_traffic_is_that_of_the_model_after_a_roll_back(
    retune: Command, ledger: Ledger, model: str, tiny_package: Path, tmp_path: Path
) -> None:
    for version in ("2", "3"):
        folder = variant(tiny_package, tmp_path / version, metrics={"number": version})
        retune("register", folder, "--model", "m")
        retune("promote", f"m@{version}")
    for _ in range(2):
        retune("rollback", "m")
    traffic = Traffic(ledger.database)
    for version, count in (("1", 2), ("2", 3), ("3", 4)):
        predict(ledger, count, version=version)
        traffic.add([TrafficMinute("m", version, seconds_ago(60)[:16], Load(requests=count))])
    facts = found(retune)
    assert facts["champion"]["version"] == "1"
    told = facts["traffic"]
    assert (told["last_hour"], told["last_day"], told["requests"]["requests"]) == (9, 9, 9)


def test_a_check_from_before_a_promotion_is_told_as_such(
    retune: Command, ledger: Ledger, model: str, tiny_package: Path, tmp_path: Path
) -> None:
    retune("register", variant(tiny_package, tmp_path / "2", metrics={"number": 2}), "--model", "m")
    ledger.record_check("m", "1", Verdict("ok", 0.5, 60, sentence="Nothing moved."), source=TRAFFIC)
    assert "no drift (check 1, " in retune("status")[1]
    assert found(retune)["drift"]["is_earlier"] is False
    for version in ("2", "1"):
        retune("promote", f"m@{version}")
    facts = found(retune)
    assert facts["drift"]["is_earlier"] is True
    told = ", before the version was put in service again; no check since"
    assert [told in retune(command)[1] for command in ("status", "models")] == [True, True]


def test_an_estimate_is_called_one(retune: Command, ledger: Ledger, model: str) -> None:
    verdict = Verdict("ok", 0.5, 60, estimated_accuracy=Share(0.8, 0.7, 0.9, 60), sentence="Nothing moved.")
    ledger.record_check("m", "1", verdict, source=TRAFFIC)
    assert "estimated without labels 80.0 % (90 % interval 70.0 % to 90.0 %)" in retune("status")[1]
    ledger.standings.record("m", "0", Accuracy(measured(1, 2), 0.5))
    assert "estimated without labels" in retune("status")[1]  # an earlier version's measurement is not the champion's


def test_what_is_next_follows_the_loop(retune: Command, ledger: Ledger, model: str, home: Path) -> None:
    queue = JobQueue(ledger)
    ledger.record_decision("m", Decision("retrain", "It fell."), check_id=None)
    assert found(retune)["next"]["words"] == ["retrain", "m", "--wait"]
    retune("retrain", "m")
    assert found(retune)["next"] == {"urgency": "act", "why": "Job 1 waits, and no worker runs.", "words": ["worker"]}
    Heartbeats(ledger.database).begin("worker", this_worker())
    facts = found(retune)
    assert (facts["next"]["urgency"], facts["job"]["status"]) == ("none", "queued")
    job = queue.take(this_worker())
    assert job is not None
    queue.fail(job, "No space is left.")
    assert found(retune)["next"]["words"] == ["jobs", "log", "1"]
    ledger.record_decision("m", Decision("roll back", "Worse."), check_id=None)
    assert found(retune)["next"]["words"] == ["rollback", "m"]


def test_what_needs_a_person_comes_first(retune: Command, model: str, tiny_package: Path) -> None:
    retune("register", tiny_package, "--model", "z")
    names = [one["model"] for one in json.loads(retune("status", "--json")[1])["models"]]
    assert names == ["z", "m"]
    assert [line.split()[0] for line in retune("models")[1].splitlines()] == ["m", "z"]


def test_without_the_ledger_it_says_what_the_registry_knows(retune: Command, model: str, ledger_away: None) -> None:
    code, out, _ = retune("status")
    assert (code, "The ledger is away: " in out, "@1 in service since" in out) == (0, True, True)
    told = json.loads(retune("status", "--json")[1])
    assert "connection refused" in told["ledger_problem"]
    assert (told["models"][0]["traffic"], told["processes"]["missing"]) == (None, ["gateway"])


def test_a_damaged_pointer_or_package_is_a_problem_of_its_model(retune: Command, home: Path, model: str) -> None:
    package = home / "registry" / "m" / "versions" / "1" / "package.json"
    package.write_text("{")
    assert "package.json is not readable JSON" in found(retune)["problem"]
    pointer = home / "registry" / "m" / "champion.json"
    pointer.write_text("{")
    assert "champion.json of m cannot be read" in found(retune)["problem"]
    assert found(retune)["next"]["words"] == ["promote", "m@1"]


def test_what_up_started_again_is_told(retune: Command, model: str, home: Path) -> None:
    processes = (
        SupervisedProcess("gateway"),
        SupervisedProcess("monitor", 7, utc_now(), 2, utc_now(), "ended by signal 9"),
    )
    running = replace(Supervision.of_this_process("http://127.0.0.1:3000"), processes=processes)
    with supervising(home, running):
        last = retune("status")[1].splitlines()[-1]
        assert last.startswith(f"up          process {running.pid} on ")
        assert re.search(r"; started again: monitor 2 times \(it ended by signal 9, .+ ago\)$", last)
        assert found(retune)["next"]["urgency"] == "none"  # what is missing is started by it
    assert found(retune)["next"]["words"] == ["up"]


def test_a_proposal_and_a_freeze_are_told(retune: Command, ledger: Ledger, model: str) -> None:
    ledger.record_decision("m", Decision("retrain", "It fell."), check_id=None)
    retune("freeze", "m", "--reason", "Christmas")
    assert "the champion is frozen until a person ends it (Christmas)" in retune("status")[1]
    retune("unfreeze", "m")
    assert found(retune)["freeze"] is None
    Proposals(ledger.database).propose("m", "1", action="retrain", waiting=None, reason="It fell.", decision_id=None)
    facts = found(retune)
    assert (facts["mode"], facts["proposal"]["action"], facts["next"]["words"]) == ("ask", "retrain", ["accept", "m"])


def test_the_last_incident_is_told(retune: Command, ledger: Ledger, model: str) -> None:
    causes: tuple[Cause, ...] = ("errors", "accuracy")
    for number, cause in enumerate(causes, 1):
        Incidents(ledger.database).add(
            "m",
            "2",
            previous="1",
            guard_id=number,
            cause=cause,
            action="rolled back",
            reason=f"Its {cause} broke the promise.",
            done="m@1 is the champion again.",
        )
    line = next(line for line in retune("status")[1].splitlines() if line.startswith("  incident "))
    assert line.endswith("Its accuracy broke the promise. m@1 is the champion again.")
    assert [one["cause"] for one in found(retune)["incidents"]] == ["accuracy", "errors"]
