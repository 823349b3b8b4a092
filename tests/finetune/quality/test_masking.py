from __future__ import annotations

import pytest

from finetune.quality.masking import masked


@pytest.mark.parametrize("secret", ["jo.smith@example.org", "4111 1111 1111 1111", "+44 20 7946 0958"])
def test_mask_keeps_at_most_two_characters(secret: str) -> None:
    shown = masked(f"it is {secret}, I think").removeprefix("it is ").removesuffix(", I think")
    kept = [character for character in shown.split("@")[0] if character.isalnum()]
    assert len(kept) <= 2
