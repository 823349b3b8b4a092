import numpy as np

from core.config import LabelsConfig
from core.datasets import is_held_out, normalised
from core.records import PredictionRecord
from lifecycle.labels.queue import choose

RNG = np.random.default_rng(0)


def row(number: int, *, score: float = 0.9, centre: float = 0.0) -> PredictionRecord:
    embedding = RNG.normal(centre, 0.1, size=4).astype(np.float32)
    text = f"row {number}"
    return PredictionRecord(f"{number:032x}", "m", "1", "2026-01-01", text, "a", score, 3, False, embedding)


WINDOW = [row(number) for number in range(200)]
TEXTS = {item.id: item.text for item in WINDOW}
SETTINGS = LabelsConfig(budget=60, measure_share=0.35)


def test_the_budget_is_split_between_measuring_and_learning() -> None:
    chosen = choose(WINDOW, labelled=set(), settings=SETTINGS, seed=1)
    purposes = [row.purpose for row in chosen]
    assert (purposes.count("measure"), purposes.count("learn")) == (21, 39)
    assert len({row.prediction_id for row in chosen}) == 60


def test_measuring_rows_are_held_out_and_learning_rows_are_not() -> None:
    for row in choose(WINDOW, labelled=set(), settings=SETTINGS, seed=1):
        assert is_held_out(TEXTS[row.prediction_id]) == (row.purpose == "measure")


def test_measuring_rows_have_the_chance_with_which_they_were_drawn() -> None:
    chances = {row.purpose: row.chance for row in choose(WINDOW, labelled=set(), settings=SETTINGS, seed=1)}
    assert chances == {"measure": 21 / sum(is_held_out(text) for text in TEXTS.values()), "learn": None}


def test_labelled_texts_and_copies_are_not_requested() -> None:
    labelled = {normalised(item.text) for item in WINDOW[:150]}
    chosen = choose([*WINDOW, *WINDOW], labelled=labelled, settings=SETTINGS, seed=1)
    assert len(chosen) <= 50
    assert not {TEXTS[row.prediction_id] for row in chosen} & labelled


def test_a_small_uncertain_cluster_is_selected() -> None:
    odd = [row(number, score=0.4, centre=3.0) for number in range(1000, 1020)]
    ids = {item.id for item in odd if not is_held_out(item.text)}
    chosen = choose([*WINDOW, *odd], labelled=set(), settings=LabelsConfig(budget=30), seed=1)
    learned = [row.prediction_id for row in chosen if row.purpose == "learn"]
    assert len(ids & set(learned)) / len(learned) > 2 * len(odd) / (len(WINDOW) + len(odd))


def test_same_seed_selects_the_same_rows() -> None:
    first, second = (choose(WINDOW, labelled=set(), settings=SETTINGS, seed=3) for _ in range(2))
    assert first == second


def test_half_of_the_queue_has_half_of_each_purpose() -> None:
    chosen = choose(WINDOW, labelled=set(), settings=SETTINGS, seed=1)
    purposes = [row.purpose for row in chosen[:30]]
    assert 9 <= purposes.count("measure") <= 12
