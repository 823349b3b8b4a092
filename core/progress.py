"""Progress of long work: a callback with the current stage and the share that is done."""

from collections.abc import Callable

Progress = Callable[[str, float], None]


def ignore(stage: str, share: float) -> None:
    """A callback that does nothing."""
