"""A home in which much has happened to the model `tickets`: what the pages have to show."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.changes import Change, Group
from core.clock import utc_now
from core.config import Config
from core.home import Home
from core.ledger_tables.incidents import Incidents
from core.ledger_tables.loop_steps import Done
from core.processes.owner import this_worker
from core.records import (
    Comparison,
    Decision,
    Differing,
    Disagreements,
    Evidence,
    FeedbackRecord,
    GateRecord,
    GateVerdict,
    JobStep,
    PredictionRecord,
    Verdict,
    Wanted,
)
from core.share import Share

ODD = [
    "<script>alert('text')</script> My invoice shows two charges.",
    "لا أستطيع تسجيل الدخول إلى حسابي",
    "word " * 4_000,
]
ASKED = 12


@dataclass(frozen=True)
class Filled:
    """`ids`: of the predictions; the first of them are asked for."""

    home: Home
    ids: list[str]


def fill(config: Config, packages: list[Path]) -> Filled:
    """Registers the packages as versions, the first of them in service."""
    home = Home(config)
    versions = [home.registry.add(package, "tickets") for package in packages]
    home.registry.promote("tickets", versions[0])
    ids = _predictions(home)
    _checks(home, ids)
    _gate(home, ids)
    Incidents(home.ledger.database).add(
        "tickets",
        "2",
        previous="1",
        guard_id=None,
        cause="accuracy",
        action="rolled back",
        reason="It answered <b>fewer</b> texts rightly than promised.",
        done="tickets@1 is in service again.",
    )
    home.ledger.loop_steps.record("tickets", "1", Done("held", "retrain", "cool-down", "The last one was 5 min ago."))
    return Filled(home, ids)


def _predictions(home: Home) -> list[str]:
    texts = [*ODD, *(f"Message number {number} about a robot" for number in range(37))]
    ids = [f"{number:032x}" for number in range(len(texts))]
    labels = ["billing", "bug", "praise"]
    home.ledger.record_predictions(
        [
            PredictionRecord(
                key,
                "tickets",
                "1",
                utc_now(),
                text,
                labels[number % 3],
                0.4 + number / 100,
                6,
                False,
                np.zeros(4, np.float32),
            )
            for number, (key, text) in enumerate(zip(ids, texts, strict=True))
        ]
    )
    home.ledger.record_feedback([FeedbackRecord(key, "bug", "anna") for key in ids[-5:]])
    home.ledger.record_feedback([FeedbackRecord(key, "praise", "ben") for key in ids[-2:]])
    return ids


def _checks(home: Home, ids: list[str]) -> None:
    ledger = home.ledger
    group = Group(20, 0.05, ids[:3], {"bug": 15, "billing": 5}, 0.4, ["robot", "<i>arm</i>"])
    changes = [
        Change("new topics", 0.05, 0.001, "20 texts form a group that the reference lacks.", groups=[group]),
        Change("shares", 0.1, 0.004, "Fewer are about billing.", labels=["billing"]),
    ]
    for number, p_value in enumerate((0.6, 0.3, 0.02, 0.0004)):
        found = Verdict(
            "drift" if p_value < 0.01 else "ok",
            p_value,
            340,
            520,
            [Evidence("predicted labels", "total variation", 0.21, p_value, p_value < 0.01, "bug <grew>.")],
            Share(0.84 - number / 30, 0.79 - number / 20, 0.88),
            "The 340 rows differ from the reference." if p_value < 0.01 else "Nothing moved.",
            level=0.003,
            changes=changes if p_value < 0.01 else [],
        )
        check_id = ledger.record_check("tickets", "1", found, source="traffic")
        decision = Decision("label", "Labels will show whether accuracy is lower.", ASKED)
        ledger.record_decision(
            "tickets", decision if p_value < 0.01 else Decision("none", "No drift."), check_id=check_id
        )
    ledger.request_labels("tickets", [Wanted(key, "learn") for key in ids[:ASKED]], check_id=check_id)


def _gate(home: Home, ids: list[str]) -> None:
    jobs = home.jobs
    jobs.enqueue("tickets", "retrain")
    job = jobs.take(this_worker())
    assert job is not None
    jobs.renew(job, step=JobStep("gate", 0.9, 4.0))
    jobs.fail(job, "No <space> is left.")
    verdict = GateVerdict(
        "hold",
        "It is not shown to be better.",
        fresh=Comparison(40, 0.5, 0.6, 6, 2, 0.2),
        old=Comparison(100, 0.9, 0.9, 3, 3, 0.5),
        labels_needed=20,
        disagreements=Disagreements(30, [Differing(key, "bug", "billing") for key in ids[:8]], 6, 2),
    )
    home.ledger.record_promotion(
        "tickets", "2", previous="1", promoted=False, reason=verdict.reason, gate=GateRecord(job.id, verdict)
    )
