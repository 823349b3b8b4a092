"""How work that takes long tells how far it is: what it does now, and the share that is done."""

from collections.abc import Callable

Progress = Callable[[str, float], None]


def ignore(stage: str, share: float) -> None:
    """Hears progress and does nothing."""
