from __future__ import annotations

import pytest

from core.texts.word_spans import word_spans


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("I was charged twice!", ["I", "was", "charged", "twice", "!"]),
        ("Don't e-mail bob@example.com.", ["Don't", "e-mail", "bob@example.com", "."]),
        ("  (3.50 €)  ", ["(", "3.50", "€)"]),
        ("one,two", ["one", ",", "two"]),
        ("我被收了，请退款", ["我", "被", "收", "了", "，", "请", "退", "款"]),
        ("カードが来ない", ["カ", "ー", "ド", "が", "来", "な", "い"]),
        ("카드가 안 왔어요", ["카드가", "안", "왔어요"]),
        ("हिन्दी में", ["हिन्दी", "में"]),
        ("تم خصم المبلغ مرتين", ["تم", "خصم", "المبلغ", "مرتين"]),
        ("\u200fשלום עולם", ["\u200f", "שלום", "עולם"]),
        ("กินข้าว", ["กิ", "น", "ข้", "า", "ว"]),
        ("Cafe\u0301 😡👨\u200d👩\u200d👧", ["Cafe\u0301", "😡👨\u200d👩\u200d👧"]),
        ("", []),
        (" \n\u2003", []),
    ],
)
def test_words_are_found_in_every_script(text: str, words: list[str]) -> None:
    assert [text[span.start : span.end] for span in word_spans(text)] == words


def test_spans_are_in_order_and_leave_out_blanks_only() -> None:
    text = "Zürich,\tdon't 退款… \u00a0ok_1\n"
    spans = list(word_spans(text))
    assert all(before.end <= after.start for before, after in zip(spans, spans[1:], strict=False))
    inside = {place for span in spans for place in range(span.start, span.end)}
    assert all(character.isspace() for place, character in enumerate(text) if place not in inside)
