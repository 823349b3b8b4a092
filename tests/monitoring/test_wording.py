from __future__ import annotations

from monitoring import wording


def test_sample_note_names_only_sampled_sides() -> None:
    assert wording.sample_note((10, 10), (20, 20)) == ""
    assert wording.sample_note((10, 10), (20, 30)) == " Only 20 of 30 recent rows were compared, drawn at random."
