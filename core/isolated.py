"""Steps that may fail without ending what comes after them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from core.errors import RetuneError


@contextmanager
def isolated(on_error: Callable[[BaseException], None], *, but: tuple[type[BaseException], ...] = ()) -> Iterator[None]:
    """Pass an exception of the block to `on_error`, whatever its class; `but`: classes that are raised.

    A panic in a Rust extension is no `Exception`. What ends the process is raised.
    """
    try:
        yield
    except BaseException as error:
        if isinstance(error, (KeyboardInterrupt, SystemExit, GeneratorExit, *but)):
            raise
        on_error(error)


def sentence_of(error: BaseException) -> str:
    """The error in one line.

    >>> sentence_of(ValueError("too few\\nrows")), sentence_of(RetuneError("Free some disk."))
    ('ValueError: too few rows', 'Free some disk.')
    """
    text = str(error) if isinstance(error, RetuneError) else f"{type(error).__name__}: {error}"
    return " ".join(text.split())
