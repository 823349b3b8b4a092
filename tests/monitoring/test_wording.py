from __future__ import annotations

import numpy as np

from monitoring import wording


def test_unchanged_labels_are_said_to_be_unchanged() -> None:
    same = np.array([0, 0, 1])
    assert wording.labels_detail(same, same, ["a", "b"]) == "every label has the share it had"


def test_a_label_that_the_window_never_shows_is_named() -> None:
    detail = wording.labels_detail(np.array([0, 1]), np.array([0, 0]), ["a", "b"])
    assert detail == "'a' grew from 50 % to 100 %; 'b' shrank from 50 % to 0 %"


def test_sample_note_names_only_sides_that_were_sampled() -> None:
    assert wording.sample_note((10, 10), (20, 20)) == ""
    assert wording.sample_note((10, 10), (20, 30)) == " Compared were 20 of 30 recent rows, drawn at random."


def test_numbers_of_confidence_and_length_are_before_and_after() -> None:
    confidence = wording.confidence_detail(np.full(10, 0.9, np.float32), np.full(10, 0.5, np.float32))
    assert confidence.startswith("median confidence from 0.90 to 0.50")
    assert wording.length_detail(np.full(10, 12), np.full(10, 30)).startswith("median length from 12 to 30 tokens")
