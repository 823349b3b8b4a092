"""Groups of texts that are asked for together."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.arrays import Numbers
from core.champion import read_champion
from core.datasets import is_held_out
from core.features import Features
from core.home import Home
from core.ledger import Ledger
from core.records import TRAFFIC, FeedbackRecord, PredictionRecord, Verdict, Wanted
from lifecycle.labels.groups import LEAST_COSINE, MOST_NEAR, grouped, same_label_cosine
from lifecycle.respond import respond
from tests.lifecycle.predictions import predicted

TRAINABLE = [text for number in range(200) if not is_held_out(text := f"words {number}")]
HELD_OUT = [text for number in range(200) if is_held_out(text := f"words {number}")]


def at(cosine: float) -> list[float]:
    """A point at a cosine from the first axis."""
    return [cosine, float(np.sqrt(1 - cosine**2))]


def reference_of(points: Numbers, truth: list[int]) -> Features:
    count = len(points)
    return Features(
        points.astype(np.float32),
        np.array(truth),
        np.full(count, 0.9, np.float32),
        np.full(count, 3),
        np.array(truth),
    )


def tight(*, rows: int = 12, wrong: int = 0) -> Features:
    """Two labels at right angles, each of nearly equal texts, `wrong` of which have the other label."""
    noise = np.random.default_rng(0).normal(0, 0.05, (2 * rows, 4))
    truth = np.repeat([0, 1], rows)
    points = np.eye(2, 4)[truth] + noise
    return reference_of(points, [*(1 - truth[:wrong]), *truth[wrong:]])


def row(text: str, point: list[float]) -> PredictionRecord:
    return PredictionRecord(text, "m", "1", "2026-01-01", text, "a", 0.5, 3, False, np.array(point, np.float32))


def learn(*ids: str) -> list[Wanted]:
    return [Wanted(key, "learn") for key in ids]


def test_near_texts_follow_their_typical_one_the_nearest_first() -> None:
    keys = TRAINABLE[:5]
    window = [row(key, at(cosine)) for key, cosine in zip(keys, (1.0, 0.9, 0.99, -0.5, -0.6), strict=True)]
    found = grouped(learn(keys[0], keys[3]), window, answered=set(), reference=tight())
    assert [(one.prediction_id, one.group, one.is_near) for one in found] == [
        (keys[0], keys[0], False),
        (keys[2], keys[0], True),
        (keys[1], keys[0], True),
        (keys[3], keys[3], False),
        (keys[4], keys[3], True),
    ]


def test_a_text_without_near_ones_is_asked_for_alone() -> None:
    keys = TRAINABLE[:2]
    found = grouped(learn(keys[0]), [row(keys[0], at(1)), row(keys[1], at(0))], answered=set(), reference=tight())
    assert found == learn(keys[0])


def test_groups_have_few_texts_and_a_text_is_in_one_group() -> None:
    keys = TRAINABLE[: MOST_NEAR + 4]
    cosines = [1.0, 0.97, *(0.995 for _ in keys[2:])]
    window = [row(key, at(cosine)) for key, cosine in zip(keys, cosines, strict=True)]
    found = grouped(learn(*keys[:2]), window, answered=set(), reference=tight())
    assert len({one.prediction_id for one in found}) == len(found) == 2 + MOST_NEAR
    assert {one.group for one in found if one.is_near} == {keys[0]}


def test_texts_that_measure_are_neither_typical_nor_near() -> None:
    window = [row(key, at(1)) for key in (*HELD_OUT[:3], TRAINABLE[0])]
    wanted = [Wanted(HELD_OUT[0], "measure", 0.5), Wanted(TRAINABLE[0], "learn")]
    assert grouped(wanted, window, answered=set(), reference=tight()) == wanted


def test_answered_texts_are_not_asked_for_again() -> None:
    window = [row(key, at(1)) for key in TRAINABLE[:3]]
    found = grouped(learn(TRAINABLE[0]), window, answered={TRAINABLE[1]}, reference=tight())
    assert [one.prediction_id for one in found] == [TRAINABLE[0], TRAINABLE[2]]


def test_texts_are_as_near_as_pairs_of_the_reference_that_share_their_label() -> None:
    angles = np.linspace(0, 0.7, 40)
    points = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    cosine = same_label_cosine(reference_of(points, [int(angle > 0.35) for angle in angles]))
    assert cosine is not None
    assert 0.99 < cosine < 1
    assert same_label_cosine(reference_of(points, [0] * 40)) == LEAST_COSINE


@pytest.mark.parametrize(
    "reference",
    [
        tight(rows=3),
        tight(wrong=6),
        replace(tight(), truth=np.full(24, -1)),
        replace(tight(), truth=np.ones((24, 2), np.int8)),
    ],
    ids=["few", "mixed", "unlabelled", "several labels"],
)
def test_a_reference_that_does_not_show_it_gives_no_groups(reference: Features) -> None:
    assert same_label_cosine(reference) is None
    window = [row(key, at(1)) for key in TRAINABLE[:2]]
    assert grouped(learn(TRAINABLE[0]), window, answered=set(), reference=reference) == learn(TRAINABLE[0])


def test_near_texts_cost_no_answers_and_keep_no_request_open(ledger: Ledger, home: Home, tiny_package: Path) -> None:
    home.registry.promote("m", home.registry.add(tiny_package, "m"))
    champion = replace(read_champion(home.registry, "m"), reference=tight(rows=40))
    rows = predicted(ledger, 300, dimensions=3)
    drift = Verdict("drift", 0.001, len(rows), 100, [], None, "Checked.")
    ledger.record_check("m", "1", drift, source=TRAFFIC, window_end=rows[-1].id)
    decision = respond(home, champion).decision
    requests = ledger.label_requests("m")
    near = [item for item in requests if item.is_near]
    assert (decision.count, len(requests) - len(near)) == (120, 120)
    assert near
    assert not any(is_held_out(item.text) for item in near)
    assert decision.reason.endswith(f"Asked for: 120 answers for {len(requests)} texts.")
    ledger.record_feedback([FeedbackRecord(item.prediction_id, "bug") for item in requests if not item.is_near])
    assert ledger.label_progress("m", "1").still_open == 0
    assert respond(home, champion).decision.action == "retrain"
    assert {item.prediction_id for item in ledger.label_requests("m")} == {item.prediction_id for item in near}
