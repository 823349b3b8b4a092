"""The rows that a challenger's package records where no traffic can be its reference."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from core.datasets import kept_dataset
from core.package import read_facts
from tests.lifecycle.champions import Case
from tests.tiny import tiny_rows


@pytest.mark.parametrize("way", ["head", "tuned", "fresh"])
def test_without_a_window_all_rows_that_it_was_not_trained_on_are_its_reference(
    case: Callable[[str], Case], tmp_path: Path, way: str
) -> None:
    made = case("single")
    known = {row.key for row in made.rows.train}
    judging = [row for row in tiny_rows(80, seed=9) if row.key not in known]
    made.rows = replace(made.rows, old=judging)
    lineage = read_facts(made.train(way, tmp_path).package).lineage

    def kept(name: str) -> set[str]:
        return {row.key for row in kept_dataset(name, made.home.config.datasets)}

    reference = kept(lineage.reference.fingerprint)
    assert reference == kept(lineage.data.validation) | {row.key for row in judging}
    assert not reference & kept(lineage.data.train)
