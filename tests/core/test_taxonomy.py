from __future__ import annotations

import pytest

from core.datasets import Example
from core.errors import LabelRuleRefused
from core.taxonomy import LabelRule, Taxonomy


def numbered(*rules: LabelRule) -> Taxonomy:
    return Taxonomy([LabelRule(**{**vars(rule), "id": number}) for number, rule in enumerate(rules, 1)])


def test_rules_follow_each_other() -> None:
    taxonomy = numbered(LabelRule("rename", "bill", "payment"), LabelRule("rename", "payment", "money"))
    assert [taxonomy.today(name) for name in ("bill", "payment")] == ["money", "money"]
    assert taxonomy.gone == {"bill", "payment"}


def test_a_retired_label_leaves_its_rows_out_and_unlabelled_rows_stay() -> None:
    taxonomy = numbered(LabelRule("retire", "spam"), LabelRule("retire", "ads", "bug"), LabelRule("rename", "a", "b"))
    rows = [Example("1", "spam"), Example("2", "ads"), Example("3", "a"), Example("4"), Example("5", "other")]
    assert [(row.text, row.label) for row in taxonomy.examples(rows)] == [
        ("2", "bug"),
        ("3", "b"),
        ("4", None),
        ("5", "other"),
    ]


def test_names_of_a_set_are_mapped_one_by_one() -> None:
    rules = LabelRule("retire", "spam"), LabelRule("rename", "bill", "bug")
    taxonomy = Taxonomy(rules, "multi-label")
    assert [taxonomy.today(cell) for cell in ("bill|bug", "spam|x", "spam", "")] == ["bug", "x", None, ""]


def test_a_rule_is_undone_by_another_and_that_one_again() -> None:
    rules = [LabelRule("rename", "bill", "payment"), LabelRule("undo", "", undoes=1)]
    assert numbered(*rules).today("bill") == "bill"
    assert numbered(*rules, LabelRule("undo", "", undoes=2)).today("bill") == "payment"


@pytest.mark.parametrize(
    ("rule", "sentence"),
    [
        (LabelRule("rename", "bill", "x"), "'bill' is gone already: renamed to 'payment'.* by rule 1"),
        (LabelRule("rename", "payment", "bill"), "'bill' is 'payment' already"),
        (LabelRule("rename", "bug", "spam"), "'spam' is gone: retired"),
        (LabelRule("rename", "bug", "bug"), "'bug' is 'bug' already"),
        (LabelRule("undo", "", undoes=7), "no rule 7. Rules: 1, 2"),
    ],
)
def test_a_rule_that_contradicts_others_is_refused(rule: LabelRule, sentence: str) -> None:
    taxonomy = numbered(LabelRule("rename", "bill", "payment"), LabelRule("retire", "spam"))
    with pytest.raises(LabelRuleRefused, match=sentence):
        taxonomy.require_possible(rule)


SWAPPED = [LabelRule("rename", "a", "b"), LabelRule("undo", "", undoes=1), LabelRule("rename", "b", "a")]


@pytest.mark.parametrize(
    ("rules", "undoes", "sentence"),
    [
        (SWAPPED, 2, "Rule 1 cannot hold again. Label 'b' is 'a' already: .* by rule 3"),
        ([*SWAPPED[:2], LabelRule("rename", "a", "c")], 2, "Rule 1 cannot hold again. Label 'a' is gone .* by rule 3"),
        ([*SWAPPED[:2], LabelRule("retire", "b")], 2, "Rule 1 cannot hold again. Label 'b' is gone: retired"),
        (SWAPPED, 1, "Rule 1 is undone already by rule 2"),
    ],
)
def test_an_undo_that_contradicts_other_rules_is_refused(rules: list[LabelRule], undoes: int, sentence: str) -> None:
    with pytest.raises(LabelRuleRefused, match=sentence):
        numbered(*rules).require_possible(LabelRule("undo", "", undoes=undoes))


def test_an_undo_that_was_undone_can_be_repeated() -> None:
    undo = LabelRule("undo", "", undoes=1)
    taxonomy = numbered(LabelRule("rename", "a", "b"), undo, LabelRule("undo", "", undoes=2))
    taxonomy.require_possible(undo)
    with pytest.raises(LabelRuleRefused, match="Rule 2 is undone already by rule 3"):
        taxonomy.require_possible(LabelRule("undo", "", undoes=2))


def test_stored_rules_in_a_circle_leave_labels_as_they_are() -> None:
    taxonomy = numbered(*SWAPPED, LabelRule("undo", "", undoes=2))
    assert [taxonomy.today(name) for name in ("a", "b")] == ["a", "b"]


def test_a_label_of_a_single_label_model_may_contain_the_separator() -> None:
    taxonomy = Taxonomy([LabelRule("rename", "m", "x"), LabelRule("rename", "b|a", "a|b|c")])
    assert [taxonomy.today(label) for label in ("z|m", "m", "b|a")] == ["z|m", "x", "a|b|c"]


def test_a_multi_label_model_has_no_label_with_the_separator() -> None:
    rule = LabelRule("rename", "bill", "x|y")
    with pytest.raises(LabelRuleRefused, match=r"Label 'x\|y' contains '\|'"):
        Taxonomy([], "multi-label").require_possible(rule)
    Taxonomy([]).require_possible(rule)


def test_a_doubtful_set_of_labels_is_settled_as_a_whole() -> None:
    rule = LabelRule("rename", "Bill|bug", "bug")
    Taxonomy([], "multi-label").require_possible(rule)
    assert Taxonomy([rule], "multi-label").today("Bill|bug") == "bug"
