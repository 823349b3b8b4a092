"""Keys with which a person chooses a label."""

from __future__ import annotations

from collections import Counter

from core.labelling.codes import COMMANDS, codes_of

LABELS = sorted(
    f"{topic}_{what}"
    for topic in ("card", "transfer", "top_up", "cash_withdrawal", "exchange", "refund", "supported")
    for what in (
        "arrival",
        "fee",
        "declined",
        "pending",
        "not_recognised",
        "limit",
        "failed",
        "charge",
        "by",
        "how",
        "x",
    )
)


def keys_for(label: str, *, suggested: str, likely: list[str], codes: dict[str, str]) -> int:
    """As on the page: Enter for the suggestion, a digit for a likely label, else the two letters of its code."""
    return 1 if label == suggested or label in likely[:9] else len(codes[label])


def test_of_77_labels_the_suggestion_takes_one_key_and_no_other_more_than_three() -> None:
    assert len(LABELS) == 77
    codes = codes_of(LABELS)
    likely = LABELS[1:10]
    keys = Counter(keys_for(label, suggested=LABELS[0], likely=likely, codes=codes) for label in LABELS)
    assert keys_for(LABELS[0], suggested=LABELS[0], likely=likely, codes=codes) == 1
    assert max(keys) <= 3
    assert keys[1] == 10


def test_codes_differ_and_begin_with_no_command() -> None:
    for count in (1, 77, 500, 572):
        codes = codes_of([f"label number {number}" for number in range(count)])
        assert len(set(codes.values())) == len(codes) == count
        assert {len(code) for code in codes.values()} == {2}
        assert not {code[0] for code in codes.values()} & COMMANDS


def test_labels_beyond_all_codes_have_none() -> None:
    assert len(codes_of([str(number) for number in range(600)])) == 572


def test_codes_are_letters_of_the_name() -> None:
    codes = codes_of(LABELS)
    guessable = [label for label, code in codes.items() if all(letter in label for letter in code)]
    assert len(guessable) == len(LABELS)
    assert codes_of(["Überweisung"])["Überweisung"] == "be"
