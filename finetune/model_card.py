from typing import Any


def model_card(training: Any) -> str:
    return "card\n"
