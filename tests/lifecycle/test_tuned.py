"""The challenger that goes on from the champion's weights."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.arrays import Booleans
from core.datasets import Example
from core.errors import ChallengerSkipped
from core.lineage import Lineage
from core.package import read_digest, read_facts, write_facts, write_manifest
from core.paired import Paired
from finetune.continuing import Continuing
from lifecycle.challengers.champion_encoder import champion_encoder
from lifecycle.challengers.parts import Parts, parts_of
from lifecycle.challengers.pruning import prune_checkpoints
from lifecycle.challengers.replay import LEAST_REPLAYED, replayed
from lifecycle.challengers.row_counts import GIVEN_WEIGHT
from lifecycle.challengers.settings import retrain_settings
from lifecycle.challengers.tuned_fitting import SHARES, find_way
from tests.lifecycle.champions import Case


def register_variant(made: Case, folder: Path, lineage: Lineage) -> str:
    shutil.copytree(made.home.registry.folder("m", "1"), folder, ignore=shutil.ignore_patterns("manifest.json"))
    write_facts(folder, replace(read_facts(folder), lineage=lineage))
    write_manifest(folder)
    return made.home.registry.add(folder, "m")


def large_parts(earlier: int, given: int) -> Parts:
    labels = [f"label {number}" for number in range(20)]
    names = [labels[10 + number if number < 10 else number % 10] for number in range(earlier + given)]
    rows = [Example(f"text {number}", name) for number, name in enumerate(names)]
    selects = np.zeros(len(rows), dtype=np.bool_)
    return Parts(labels, "single-label", rows, np.arange(len(rows)) >= earlier, selects, [])


def test_given_rows_are_repeated_and_earlier_ones_sampled_with_every_label() -> None:
    parts = large_parts(earlier=5_000, given=200)
    places = replayed(parts, times=3.0, seed=1)
    earlier = places[places < 5_000]
    assert len(places) - len(earlier) == 200 * GIVEN_WEIGHT
    assert len(earlier) == len(set(earlier)) == 3 * 200 * GIVEN_WEIGHT
    assert {parts.train[place].label for place in earlier} == set(parts.labels)
    assert (replayed(parts, times=3.0, seed=1) == places).all()
    assert (replayed(parts, times=3.0, seed=2) != places).any()


def test_rows_that_select_are_not_taught() -> None:
    parts = large_parts(earlier=100, given=20)
    parts.selects[-5:] = True
    assert set(replayed(parts, times=3.0, seed=0)) == set(range(115))


def test_few_earlier_rows_are_replayed_whole() -> None:
    places = replayed(large_parts(earlier=LEAST_REPLAYED - 1, given=2), times=3.0, seed=0)
    assert len(places) == LEAST_REPLAYED - 1 + 2 * GIVEN_WEIGHT


def test_the_encoder_of_a_new_head_is_that_of_the_version_before(case: Callable[[str], Case], tmp_path: Path) -> None:
    made = case("single")
    first = champion_encoder(made.situation.champion, made.home.config)
    lineage = Lineage(encoder_of=read_digest(made.situation.champion.folder))
    made.home.registry.promote("m", register_variant(made, tmp_path / "head", lineage))
    assert champion_encoder(made.situation.champion, made.home.config) == first


def test_checkpoints_of_versions_before_the_previous_one_are_deleted(
    case: Callable[[str], Case], tmp_path: Path
) -> None:
    made = case("single")
    registry = made.home.registry
    kept = sorted(path.name for path in made.home.config.checkpoints.iterdir())
    for number in (2, 3):
        version = register_variant(made, tmp_path / str(number), Lineage(checkpoint=f"of {number}"))
        assert prune_checkpoints(made.home) == []
        registry.promote("m", version)
    assert prune_checkpoints(made.home) == kept


@pytest.fixture
def continuing(case: Callable[[str], Case], tmp_path: Path, tiny_base_model: Path) -> tuple[Continuing, Parts]:
    made = case("single")
    champion, config = made.situation.champion, made.home.config
    finetune = config.finetune.model_copy(update={"base_model": str(tiny_base_model)})
    settings = retrain_settings(champion.facts, finetune, {})
    parts = parts_of(made.rows.train, champion, settings, config)
    kept = champion_encoder(champion, config)
    return Continuing(
        kept, parts.split, "single-label", settings=settings, work=tmp_path / "work", on_progress=lambda *_: None
    ), parts


def test_a_challenger_that_forgets_goes_a_shorter_way(continuing: tuple[Continuing, Parts]) -> None:
    rows = len(continuing[1].validation)
    all_right, all_wrong = np.ones(rows, dtype=np.bool_), np.zeros(rows, dtype=np.bool_)
    far = find_way(*continuing, all_wrong, allowed=0.0)
    assert far is not None
    assert far.share == SHARES[0]
    # Nothing is allowed to be lost against a champion that is always right: the best of all ways is taken.
    least = find_way(*continuing, all_right, allowed=-1.0)
    assert least is not None
    assert least.paired.gain >= Paired(0, rows - far.paired.wins, rows).gain


def test_the_way_leads_from_the_champion_to_the_trained_weights(continuing: tuple[Continuing, Parts]) -> None:
    going_on, parts = continuing
    way = find_way(going_on, parts, np.zeros(len(parts.validation), dtype=np.bool_), allowed=0.0)
    assert way is not None
    start, there = going_on.task.encoder.state_dict(), way.encoder.state_dict()
    assert any((start[name] != there[name]).any() for name in start)
    assert way.facts["share"] == way.share


@pytest.mark.parametrize("learned", [True, False])
def test_nothing_seems_lost_against_a_champion_that_had_learned_the_validation_rows(
    case: Callable[[str], Case], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, learned: bool
) -> None:
    made, found = case("single"), list[Booleans]()
    own = {row.key for row in made.validation}
    made.rows = replace(made.rows, train=[row for row in made.rows.train if not (learned and row.key in own)])

    def find(_continuing: Continuing, _parts: Parts, right_before: Booleans, *, allowed: float) -> None:
        found.append(right_before)

    monkeypatch.setattr("lifecycle.challengers.tuned.find_way", find)
    with pytest.raises(ChallengerSkipped, match="diverged"):
        made.train("tuned", tmp_path)
    assert found[0].any() == (not learned)
