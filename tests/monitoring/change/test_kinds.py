"""The contract of every kind of change."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from monitoring.change.catalogue import KINDS
from monitoring.change.compared import Compared
from monitoring.change.find import find_changes
from monitoring.change.kind import Kind
from monitoring.change.significance import LEVEL
from tests.monitoring.change import sides

PLANTED: dict[str, Callable[[], Compared]] = {
    "repetition": lambda: sides.compared(sides.with_copies(sides.unchanged())),
    "form": lambda: sides.compared(texts=[f"<p>{text}</p>" for text in sides.texts_of(sides.unchanged(), seed=2)]),
    "new topics": lambda: sides.compared(*sides.with_a_topic(sides.unchanged())),
    "wording": lambda: sides.compared(texts=sides.with_new_words(sides.unchanged())),
    "shares": lambda: sides.compared(sides.with_shares()),
}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
class TestContract:
    def test_it_finds_its_own_change_and_says_how_large_it_is(self, kind: Kind) -> None:
        compared = PLANTED[kind.name]()
        found = kind.find(compared)
        assert found is not None
        assert found.change.kind == kind.name
        assert 0.02 < found.change.weight <= 1
        assert found.change.p_value <= LEVEL
        assert found.change.sentence.endswith(".")
        assert found.rows.shape == compared.open.shape
        assert set(found.change.all_examples) <= set(compared.ids)
        assert len(found.members) == len(found.change.groups)

    def test_it_finds_nothing_where_nothing_changed(self, kind: Kind) -> None:
        assert kind.find(sides.compared()) is None

    @pytest.mark.parametrize(("keeps_texts", "has_summary"), [(False, True), (True, False)])
    def test_it_needs_neither_texts_nor_a_summary(self, kind: Kind, keeps_texts: bool, has_summary: bool) -> None:
        assert kind.find(sides.compared(keeps_texts=keeps_texts, has_summary=has_summary)) is None

    def test_a_text_may_have_several_labels(self, kind: Kind) -> None:
        assert kind.find(sides.compared(is_multi_label=True)) is None


@pytest.mark.parametrize("name", PLANTED)
def test_the_weightiest_kind_comes_first(name: str) -> None:
    assert find_changes(PLANTED[name](), drifted=True)[0].change.kind == name


@pytest.mark.parametrize("name", PLANTED)
def test_without_drift_only_form_and_repetition_are_said(name: str) -> None:
    found = find_changes(PLANTED[name](), drifted=False)
    assert {one.change.kind for one in found} <= {"form", "repetition"}


def test_several_kinds_are_told_apart() -> None:
    window, texts = sides.with_a_topic(sides.with_copies(sides.unchanged()))
    texts[100:130] = [f"<b>{text}</b>" for text in texts[100:130]]
    found = find_changes(sides.compared(window, texts), drifted=True)
    assert {one.change.kind for one in found} >= {"repetition", "form", "new topics"}
    weights = [one.change.weight for one in found]
    assert weights == sorted(weights, reverse=True)
