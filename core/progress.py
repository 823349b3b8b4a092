"""Progress of long work: a callback with the current stage and the share that is done."""

from collections.abc import Callable

Progress = Callable[[str, float], None]


Step = Callable[[], None]
"""Called again and again during a stage; it may raise to end the work (see `lifecycle.job_run`)."""


def go_on() -> None:
    """A step that does nothing."""


def ignore(stage: str, share: float) -> None:
    """A callback that does nothing."""
