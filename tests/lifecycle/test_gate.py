import pytest

from core.config import GateConfig
from core.paired import Paired
from core.records import Comparison
from lifecycle.gate.judge import judge

SETTINGS = GateConfig()


def compared(rows: int, both_right: int, wins: int, losses: int) -> Comparison:
    return Comparison(
        rows, (both_right + losses) / rows, (both_right + wins) / rows, wins, losses, Paired(wins, losses, rows).p_value
    )


EQUAL_ON_OLD = compared(100, 90, 0, 0)


def test_clearly_better_on_fresh_and_equal_on_old_is_promoted() -> None:
    assert judge(compared(50, 25, 15, 1), EQUAL_ON_OLD, SETTINGS).answer == "promote"


def test_an_insignificant_gain_holds_and_states_the_labels_needed() -> None:
    verdict = judge(compared(50, 40, 4, 2), EQUAL_ON_OLD, SETTINGS)
    assert verdict.answer == "hold"
    assert verdict.labels_needed is not None
    assert verdict.labels_needed > 50
    assert f"{verdict.labels_needed} more fresh labels" in verdict.reason


def test_not_better_is_rejected() -> None:
    assert judge(compared(50, 40, 2, 3), EQUAL_ON_OLD, SETTINGS).answer == "reject"


def test_too_few_fresh_rows_hold() -> None:
    verdict = judge(compared(8, 0, 8, 0), EQUAL_ON_OLD, SETTINGS)
    assert (verdict.answer, verdict.labels_needed) == ("hold", SETTINGS.min_rows - 8)


def test_a_significant_loss_on_old_rows_rejects_in_spite_of_a_gain() -> None:
    assert judge(compared(50, 20, 25, 0), compared(100, 80, 0, 10), SETTINGS).answer == "reject"


def test_an_insignificant_loss_on_old_rows_holds() -> None:
    verdict = judge(compared(50, 20, 25, 0), compared(100, 80, 2, 8), SETTINGS)
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
    assert judge(compared(50, 20, 25, 0), old, SETTINGS).answer == expected
