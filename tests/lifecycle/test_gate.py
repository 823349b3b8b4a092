from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from core.config import GateConfig
from core.datasets import Example
from core.records import Comparison, Differing, Disagreements, GateVerdict
from core.stored import as_stored, restored
from lifecycle.gate.comparison import _lost_labels
from lifecycle.gate.criteria import LARGEST_LOT, SMALLEST_LOT
from lifecycle.gate.judge import judge
from lifecycle.gate.sequential import anytime_p_value, closing_p_value, evidence, rows_until_settled
from lifecycle.gate.trial import Trial, tried_again

SETTINGS = GateConfig()


def compared(rows: int, both_right: int, wins: int, losses: int) -> Comparison:
    before, after = (both_right + losses) / rows, (both_right + wins) / rows
    return Comparison(rows, before, after, wins, losses, anytime_p_value(wins, losses))


def answer(fresh: Comparison, old: Comparison) -> GateVerdict:
    return judge(Trial(fresh, old, SETTINGS))


def differing(count: int, *, of: int = 200) -> Disagreements:
    """Texts that the champion answers "a" and the challenger "b"."""
    return Disagreements(of, [Differing(str(number), "a", "b") for number in range(count)])


EQUAL_ON_OLD = compared(100, 90, 0, 0)


def on_disagreements(right: str, *, count: int, of: int = 200) -> Trial:
    """A trial with the labels `right`, one letter a text, and 30 fresh rows on which both are right."""
    labels = {str(number): letter for number, letter in enumerate(right)}
    wins, losses = right.count("b"), right.count("a")
    return Trial(compared(30 + len(right), 30, wins, losses), EQUAL_ON_OLD, SETTINGS, differing(count, of=of), labels)


def test_clearly_better_on_fresh_and_equal_on_old_is_promoted() -> None:
    assert answer(compared(50, 25, 15, 1), EQUAL_ON_OLD).answer == "promote"


def test_labels_where_versions_differ_settle_it_and_show_the_gain_over_the_window() -> None:
    verdict = judge(on_disagreements("bbbbabbbbbbbc", count=40))
    assert verdict.answer == "promote"
    assert "11 won, 1 lost), 15.4 points over the window (95 % interval" in verdict.reason


def test_an_undecided_comparison_asks_for_a_lot_of_the_disagreements() -> None:
    verdict = judge(on_disagreements("bbabb", count=60))
    assert verdict.answer == "hold"
    assert verdict.labels_needed is not None
    assert SMALLEST_LOT <= verdict.labels_needed <= LARGEST_LOT
    assert "They differ on 60 of 200 held-out texts" in verdict.reason


def test_without_labels_the_most_that_can_be_gained_is_said() -> None:
    verdict = judge(on_disagreements("", count=10))
    assert (verdict.answer, verdict.labels_needed) == ("hold", 10)
    assert "the gain is at most 5.0 points" in verdict.reason


def test_versions_that_answer_alike_have_nothing_to_promote_for() -> None:
    verdict = judge(Trial(compared(8, 8, 0, 0), EQUAL_ON_OLD, SETTINGS, differing(0)))
    assert verdict.answer == "reject"
    assert "They answer all 200 held-out texts alike" in verdict.reason


def test_a_challenger_that_wins_no_more_than_it_loses_is_rejected_in_the_end() -> None:
    assert judge(on_disagreements("ab" * 5, count=60)).answer == "hold"
    assert judge(on_disagreements("ab" * 10, count=60)).answer == "reject"
    assert judge(on_disagreements("ab" * 5, count=10)).answer == "reject"
    assert judge(on_disagreements("a" * 8, count=60)).answer == "reject"


def test_a_hold_without_open_disagreements_asks_for_nothing() -> None:
    verdict = judge(on_disagreements("bbbab", count=5))
    assert (verdict.answer, verdict.labels_needed) == ("hold", None)


def test_the_last_look_spends_what_the_earlier_ones_left() -> None:
    right = "b" * 13 + "a" * 3
    assert anytime_p_value(13, 3) > SETTINGS.alpha
    assert judge(on_disagreements(right, count=17)).answer == "hold"
    last = judge(on_disagreements(right, count=16))
    assert (last.answer, round(last.fresh.p_value, 3)) == ("promote", 0.019)


def test_without_a_window_there_is_always_a_further_look() -> None:
    assert answer(compared(50, 25, 13, 3), EQUAL_ON_OLD).answer == "hold"


@pytest.mark.parametrize("rows", [5, 12, 40])
def test_an_equal_challenger_is_promoted_in_at_most_five_percent_with_the_last_look(rows: int) -> None:
    chances, promoted = {0: 1.0}, 0.0
    for row in range(1, rows + 1):
        further: dict[int, float] = {}
        for wins, chance in chances.items():
            for now in (wins, wins + 1):
                further[now] = further.get(now, 0.0) + chance / 2
        p_value = closing_p_value if row == rows else lambda wins, losses, *, alpha: anytime_p_value(wins, losses)
        ended = [wins for wins in further if p_value(wins, row - wins, alpha=SETTINGS.alpha) <= SETTINGS.alpha]
        promoted += sum(further.pop(wins) for wins in ended)
        chances = further
    assert 0.015 < promoted <= SETTINGS.alpha


def test_a_verdict_is_reached_again_from_later_labels() -> None:
    first = judge(on_disagreements("bb", count=60))
    labels = {str(number): "b" for number in range(10)}
    again = judge(tried_again(first, labels, SETTINGS))
    assert again.answer == "promote"
    assert (again.fresh.rows, again.fresh.wins, again.fresh.losses) == (40, 10, 0)
    assert again.fresh.challenger_accuracy == pytest.approx(1.0)
    assert again.fresh.champion_accuracy == pytest.approx(0.75)


def test_not_better_on_rows_without_a_window_is_rejected() -> None:
    assert answer(compared(50, 10, 19, 21), EQUAL_ON_OLD).answer == "reject"


def test_too_few_fresh_rows_hold() -> None:
    verdict = answer(compared(8, 0, 8, 0), EQUAL_ON_OLD)
    assert (verdict.answer, verdict.labels_needed) == ("hold", SETTINGS.min_rows - 8)


def test_a_significant_loss_on_old_rows_rejects_in_spite_of_a_gain() -> None:
    assert answer(compared(50, 20, 25, 0), compared(100, 80, 0, 10)).answer == "reject"


def test_an_insignificant_loss_on_old_rows_holds() -> None:
    verdict = answer(compared(50, 20, 25, 0), compared(100, 80, 2, 8))
    assert verdict.answer == "hold"
    assert "may be chance" in verdict.reason


@pytest.mark.parametrize(
    ("old", "expected"),
    [
        (compared(100, 80, 0, 1), "promote"),  # a loss of one point, and one is allowed
        (compared(100, 80, 4, 6), "promote"),  # a loss of two points in ten changed rows may be chance
        (compared(5000, 4000, 100, 170), "reject"),  # 1.4 points of many rows are significant
    ],
)
def test_a_loss_on_old_rows_within_the_margin_is_accepted(old: Comparison, expected: str) -> None:
    assert answer(compared(50, 20, 25, 0), old).answer == expected


def test_a_label_that_is_no_longer_recognised_rejects() -> None:
    rows = [Example(f"text {number}", "refund" if number < 12 else "other") for number in range(100)]
    before = [True] * 100
    after = [number >= 11 for number in range(100)]
    lost = _lost_labels([row.label for row in rows], before, after)
    assert lost == {"refund": [12, 12, 1]}
    old = Comparison(100, 1.0, 0.89, 0, 1, 1.0, lost)
    verdict = answer(compared(50, 25, 15, 1), old)
    assert (verdict.answer, verdict.reason) == ("reject", "Of 12 rows of 'refund', 12 were right and 1 are.")


@pytest.mark.parametrize(("both", "expected"), [(0, "reject"), (3, "reject"), (9, "promote")])
def test_a_label_is_lost_on_old_rows_and_where_the_versions_differ_together(both: int, expected: str) -> None:
    """Two old rows of "refund" that were right, and two such texts of the window, of which none still is."""
    old = replace(EQUAL_ON_OLD, by_label={"refund": [2, 0, 2], "bug": [88, 0, 0]})
    found = Disagreements(200, [Differing(str(number), "refund", "bug") for number in range(22)])
    labels = {str(number): "bug" if number < 20 else "refund" for number in range(22)}
    found = replace(found, agreed={"refund": both, "bug": 100})
    verdict = judge(Trial(compared(50, 30, 20, 2), old, SETTINGS, found, labels))
    assert verdict.answer == expected
    if both == 0:
        assert verdict.reason == "Of 4 rows of 'refund', 4 were right and 0 are."


def test_a_verdict_of_an_earlier_release_has_no_rows_by_label() -> None:
    stored = as_stored(judge(on_disagreements("bbabb", count=60)))
    del stored["disagreements"]["agreed"], stored["fresh"]["by_label"], stored["old"]["by_label"]
    before = restored(GateVerdict, stored)
    verdict = judge(tried_again(before, {str(number): "b" if number < 14 else "a" for number in range(18)}, SETTINGS))
    assert verdict.answer == "hold"


def test_a_label_with_few_rows_or_a_small_loss_is_not_lost() -> None:
    assert _lost_labels(["refund"] * 3, [True] * 3, [False] * 3) == {}
    assert _lost_labels(["refund"] * 4, [True] * 4, [False] * 4) == {"refund": [4, 4, 0]}
    assert _lost_labels(["refund"] * 2, [True] * 2, [False] * 2, {"refund"}) == {"refund": [2, 2, 0]}
    assert _lost_labels(["refund"], [True], [False], {"refund"}) == {}
    assert _lost_labels(["refund"] * 20, [True] * 20, [number >= 8 for number in range(20)]) == {}


@pytest.mark.parametrize("lot", [1, 5, 10])
def test_an_equal_challenger_is_promoted_in_at_most_five_percent_whatever_the_lots(lot: int) -> None:
    wins = np.cumsum(np.random.default_rng(lot).random((2000, 200)) < 0.5, axis=1)[:, lot - 1 :: lot]
    rows = np.arange(lot, 201, lot)
    promoted = np.zeros(len(wins), dtype=bool)
    for column, seen in enumerate(rows):
        settled = [won for won in range(seen + 1) if evidence(won, int(seen) - won) >= 1 / SETTINGS.alpha]
        promoted |= np.isin(wins[:, column], settled)
    assert promoted.mean() <= 0.05


def test_rows_until_settled_are_few_for_a_clear_difference_and_none_for_no_difference() -> None:
    few = rows_until_settled(5, 0, alpha=0.05, most=200)
    many = rows_until_settled(6, 4, alpha=0.05, most=500)
    assert few is not None
    assert many is not None
    assert few < 6 < 60 < many
    assert rows_until_settled(4, 4, alpha=0.05, most=200) is None
