"""The challengers by name."""

from __future__ import annotations

from core.errors import ChallengerSkipped
from lifecycle.challengers.challenger import Challenger, Train
from lifecycle.challengers.head import train_head


def _tuned(*args: object) -> Challenger:
    try:
        from lifecycle.challengers.tuned import train_tuned
    except ImportError as error:
        raise _not_installed(error) from error
    return train_tuned(*args)  # type: ignore[arg-type]  # as `Train`


def _fresh(*args: object) -> Challenger:
    try:
        from lifecycle.challengers.fresh import train_fresh
    except ImportError as error:
        raise _not_installed(error) from error
    return train_fresh(*args)  # type: ignore[arg-type]  # as `Train`


def _not_installed(error: ImportError) -> ChallengerSkipped:
    return ChallengerSkipped(f"{error.name} is not installed (the extra 'train')")


CHALLENGERS: dict[str, Train] = {"head": train_head, "tuned": _tuned, "fresh": _fresh}
