from __future__ import annotations

import pytest

from finetune.quality.personal_data import masked, personal_data


def kinds(text: str) -> list[str]:
    return [found.kind for found in personal_data(text)]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("mail o'neil+x@mail.example.co.uk now", "e-mail address"),
        ("call 555-867-5309 today", "phone number"),
        ("call (555) 867-5309 today", "phone number"),
        ("tel. 089/1234567", "phone number"),
        ("text 07700 900123", "phone number"),
        ("+1 212 555 0147", "phone number"),
        ("card 5500005555555559.", "card number"),
        ("amex 3782 822463 10005", "card number"),
        ("to NL91ABNA0417164300 please", "bank account (IBAN)"),
        ("to fr14 2004 1010 0505 0001 3m02 606", "bank account (IBAN)"),
    ],
)
def test_personal_data_is_recognised(text: str, kind: str) -> None:
    assert kinds(text) == [kind]


@pytest.mark.parametrize(
    "text",
    [
        "order 4711 of 2024-05-17 at 10:30",
        "on 05.11.2024 or 5/11/24",
        "card 4111 1111 1111 1112 fails the checksum",
        "GB82 WEST 1234 5698 7654 33 does, too",
        "ticket 123456789 and amount 1,234,567.89",
        "version 10.15.7 build 0123",
        "between 10 and 12 @ noon, see example.org",
        "1000000 people in 24 hours",
    ],
)
def test_other_numbers_are_left_alone(text: str) -> None:
    assert kinds(text) == []
    assert masked(text) == text


@pytest.mark.parametrize("secret", ["jo.smith@example.org", "4111 1111 1111 1111", "+44 20 7946 0958"])
def test_mask_leaves_too_little_to_guess_from(secret: str) -> None:
    shown = masked(f"it is {secret}, I think").removeprefix("it is ").removesuffix(", I think")
    kept = [character for character in shown.split("@")[0] if character.isalnum()]
    assert len(kept) <= 2


def test_long_digits_do_not_take_long() -> None:
    assert isinstance(personal_data("1 " * 20_000 + "a@" * 5_000), list)
