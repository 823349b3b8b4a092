from __future__ import annotations

import pytest

from core.records import Evidence
from monitoring import wording


@pytest.mark.parametrize(
    ("p_value", "said"),
    [
        (1e-8, "The 300 rows differ from the reference in labels (p = 1e-08; an alarm needs at most 3.6e-07)."),
        (2e-5, "The 300 rows differ from the reference in labels, too little for an alarm of their own (p = 2e-05; an"),
        (0.3, "The 300 rows do not differ significantly from the reference in labels and lengths (p = 0.3; an alarm"),
    ],
)
def test_a_difference_below_an_alarm_is_not_called_insignificant(p_value: float, said: str) -> None:
    evidence = [
        Evidence("labels", "chi-square", 9.0, p_value, p_value <= 3.6e-7, ""),
        Evidence("lengths", "energy", 1.0, 0.8, False, ""),
    ]
    assert wording.verdict_sentence(evidence, p_value=p_value, level=3.6e-7, rows=300).startswith(said)


def test_sample_note_names_only_sampled_sides() -> None:
    assert wording.sample_note((10, 10), (20, 20)) == ""
    assert wording.sample_note((10, 10), (20, 30)) == " Only 20 of 30 recent rows were compared, drawn at random."
