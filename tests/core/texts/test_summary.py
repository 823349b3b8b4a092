from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core.errors import CorruptPackage
from core.texts.form import form_of
from core.texts.summary import TEXTS, read_text_summary, summary_of, word_hash, write_text_summary

TEXTS_OF_REFERENCE = [
    "my card is lost",
    "the card is late",
    "card please",
    "jo@example.org is Wilhelmina",
    "<b>card</b>",
]
PREDICTED = np.array([0, 0, 1, 1, 1])


def test_a_summary_counts_words_of_several_texts_by_label(tmp_path: Path) -> None:
    write_text_summary(tmp_path, summary_of(TEXTS_OF_REFERENCE, PREDICTED, 2))
    summary = read_text_summary(tmp_path)
    assert summary is not None
    counted = zip(summary.words.tolist(), summary.word_labels.tolist(), summary.word_rows.tolist(), strict=True)
    card, is_ = word_hash("card"), word_hash("is")
    assert sorted(counted) == sorted([(card, 0, 2), (card, 1, 2), (is_, 0, 2), (is_, 1, 1)])
    assert (summary.rows, int(summary.marked_up), summary.lengths.tolist()) == (5, 1, [0, 1, 2, 0, 2])


def test_a_summary_keeps_no_word_and_no_rare_hash(tmp_path: Path) -> None:
    write_text_summary(tmp_path, summary_of(TEXTS_OF_REFERENCE, PREDICTED, 2))
    content = (tmp_path / TEXTS).read_bytes()
    assert b"card" not in content
    summary = read_text_summary(tmp_path)
    assert summary is not None
    assert word_hash("wilhelmina") not in summary.words


def test_the_same_texts_give_the_same_file(tmp_path: Path) -> None:
    contents = []
    for _ in range(2):
        write_text_summary(tmp_path, summary_of(TEXTS_OF_REFERENCE, PREDICTED, 2))
        contents.append((tmp_path / TEXTS).read_bytes())
    assert contents[0] == contents[1]


def test_a_package_of_an_earlier_release_has_no_summary(tmp_path: Path) -> None:
    assert read_text_summary(tmp_path) is None


def test_a_damaged_summary_is_corrupt(tmp_path: Path) -> None:
    (tmp_path / TEXTS).write_bytes(b"no archive")
    with pytest.raises(CorruptPackage, match="texts.npz"):
        read_text_summary(tmp_path)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("<a href='x'>Card</a>&nbsp;lost", ("card", "lost")),
        ("call 020 7946 0958 or jo@example.org", ("call", "or")),
        ("東京都", ("東京", "京都")),
        (("first text", "second"), ("first", "text", "second")),
        ("4711 !?", ()),
    ],
)
def test_words_are_without_markup_and_personal_data(text: str | tuple[str, str], words: tuple[str, ...]) -> None:
    assert form_of(text).words == words
