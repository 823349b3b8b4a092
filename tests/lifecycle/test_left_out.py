from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from core.champion import read_champion
from core.engine import Engine
from core.package import GRAPH, read_left_out
from export.head import read_head
from lifecycle.left_out import learn_left_out, learner_from
from tests.lifecycle.champions import Case


def test_a_retrained_head_keeps_what_unknown_labels_look_like(case: Callable[[str], Case], tmp_path: Path) -> None:
    made = case("single")
    package = made.train("head", tmp_path).package
    found, head = read_left_out(package), read_head(package / GRAPH)
    assert found is not None
    assert found.weight.shape == head.weight.shape
    assert found.is_sound


def test_several_labels_a_text_leave_none_out(case: Callable[[str], Case], tmp_path: Path) -> None:
    champion = case("multi_label").situation.champion
    answers = Engine(champion.folder)
    head = read_head(champion.folder / GRAPH)
    assert learn_left_out(answers, head, case("multi_label").rows.train, champion.reference) is None


def test_without_the_training_rows_nothing_is_learned(case: Callable[[str], Case], tmp_path: Path) -> None:
    champion = case("single").situation.champion
    learn = learner_from("0" * 64, tmp_path)
    assert learn(Engine(champion.folder), champion.reference) is None
    assert read_champion(case("single").home.registry, champion.model).left_out is None
