"""The challengers by name."""

from __future__ import annotations

from core.errors import ChallengerSkipped
from lifecycle.challengers.challenger import Challenger, Train
from lifecycle.challengers.head import train_head


def _fresh(*args: object) -> Challenger:
    try:
        from lifecycle.challengers.fresh import train_fresh
    except ImportError as error:
        raise ChallengerSkipped(f"{error.name} is not installed (the extra 'train')") from error
    return train_fresh(*args)  # type: ignore[arg-type]  # as `Train`


CHALLENGERS: dict[str, Train] = {"head": train_head, "fresh": _fresh}
