"""What each kind shows of the change."""

from __future__ import annotations

import numpy as np
import pytest

from core.changes import Group
from monitoring.change.drawing import drift_map
from monitoring.change.find import find_changes
from monitoring.change.form import Form
from monitoring.change.repetition import Repetition
from monitoring.change.shares import Shares
from monitoring.change.topics import NewTopics
from monitoring.change.wording import Wording
from monitoring.signals.predicted_labels import describe_shift
from tests.monitoring import rows
from tests.monitoring.change import sides


def test_a_group_holds_the_rows_of_its_topic_and_the_words_that_set_them_apart() -> None:
    found = NewTopics().find(sides.compared(*sides.with_a_topic(sides.unchanged())))
    assert found is not None
    members = found.members[0]
    assert np.mean(members < 40) >= 0.8
    assert len(members) >= 30
    (group,) = found.change.groups
    assert group.words[:2] in (["robot", "vacuum"], ["vacuum", "robot"])
    assert sum(group.answers.values()) <= group.rows
    assert all(int(example.split()[1]) < 40 for example in group.typical)


def test_a_group_without_stored_texts_has_examples_but_no_words() -> None:
    window, texts = sides.with_a_topic(sides.unchanged())
    found = NewTopics().find(sides.compared(window, texts, keeps_texts=False))
    assert found is not None
    assert found.change.groups[0].words == []
    assert found.change.groups[0].typical


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda text: f"{text} {text}", "longer"),
        (lambda text: " ".join(text.split()[:3]), "shorter"),
        (lambda text: f"<div>{text}</div>", "markup"),
        (lambda text: f"{text} cafÃ©", "faults of encoding"),
        (lambda text: "Где находится моя новая карта и когда она придёт", "Cyrillic"),
        (lambda text: "Wo ist meine neue Karte und wann kommt sie", "German"),
    ],
)
def test_the_form_names_what_is_different(change: object, words: str) -> None:
    texts = [change(text) for text in sides.texts_of(sides.unchanged(), seed=2)]  # type: ignore[operator]  # a lambda
    found = Form().find(sides.compared(texts=texts))
    assert found is not None
    assert words in found.change.sentence


def test_words_that_rose_and_fell_within_the_labels_are_named() -> None:
    texts = [text.replace("please", "kindly") for text in sides.texts_of(sides.unchanged(), seed=2)]
    texts[0] += " please"
    found = Wording().find(sides.compared(texts=texts))
    assert found is not None
    assert found.change.fell == ["please"]
    assert "kindly" not in found.change.fell


def test_moved_shares_are_no_other_wording() -> None:
    assert Wording().find(sides.compared(sides.with_shares())) is None


def test_shares_are_corrected_for_confusions() -> None:
    found = Shares().find(sides.compared(sides.with_shares()))
    assert found is not None
    assert found.change.labels[:2] in (["billing", "praise"], ["praise", "billing"])
    assert "corrected" in found.change.sentence


def test_a_large_new_group_of_one_label_is_no_change_of_shares() -> None:
    found = find_changes(sides.compared(*sides.with_a_moved_label(sides.unchanged())), drifted=True)
    assert {one.change.kind for one in found} == {"new topics"}


def test_shares_beside_a_new_group_say_which_texts_they_are_of() -> None:
    window, texts = sides.with_a_topic(sides.with_shares())
    compared = sides.compared(window, texts)
    found = {one.change.kind: one for one in find_changes(compared, drifted=True)}
    others = int((~found["new topics"].rows).sum())
    sentence = found["shares"].change.sentence
    of_all = describe_shift(compared.reference.predicted, window.predicted, rows.LABELS)
    assert f"As answered in all 200 texts: {of_all}. In the {others} texts that no other change explains" in sentence
    assert "estimated" in sentence


def test_the_repeated_text_is_the_example_and_its_rows_stay_open() -> None:
    found = Repetition().find(sides.compared(sides.with_copies(sides.unchanged())))
    assert found is not None
    assert found.change.examples == ["id 7"]
    assert not found.rows.any()


def test_the_map_is_the_same_each_time_and_shows_no_text_raw() -> None:
    compared = sides.compared(*sides.with_a_topic(sides.unchanged()))
    found = NewTopics().find(compared)
    assert found is not None
    group = found.change.groups[0]
    group.words[0] = "<script>"
    drawings = [
        drift_map(compared.reference.embeddings, compared.window.embeddings, [(group, found.members[0])])
        for _ in range(2)
    ]
    assert drawings[0] == drawings[1]
    assert "<script>" not in drawings[0]
    assert drawings[0].count('class="dot g0"') == 2  # the rows, and the legend
    assert "40 texts" in drawings[0] or f"{group.rows} texts" in drawings[0]


def test_no_row_of_a_group_is_drawn_at_the_edge_of_the_other_rows() -> None:
    """The outermost rows are not drawn where they are; two of 500 are among them, unless they are a group."""
    random = np.random.default_rng(0)
    reference, window = (random.normal(size=(250, 4)).astype(np.float32) for _ in range(2))
    window[0], window[1] = 60, 100
    group = Group(rows=2, share=0.01, typical=[], answers={"a": 2}, confidence=0.5, words=[])
    drawing = drift_map(reference, window, [(group, np.array([0, 1]))])
    dots = drawing.split('<g class="dot g0">')[1].split("</g>")[0]
    first, second = (float(part.split("%")[0]) for part in dots.split(' x="')[1:])
    assert first < 80 < second


def test_a_map_needs_no_change() -> None:
    same = rows.draw(50, seed=1).embeddings
    assert drift_map(same, same, []).startswith("<svg")
