"""The output of a process, in lines."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable
from typing import IO

READ_BYTES = 65_536
LONGEST_LINE_BYTES = 65_536
LAST_LINES, SHOWN_CHARS = 20, 500
ERROR = "Error: "
"""How a command of Retune begins the sentence of its error."""


class Output:
    """Reads a pipe without waiting; the processes that a process started write to it, too, and may outlive it."""

    def __init__(self, pipe: IO[bytes], on_line: Callable[[str], None]) -> None:
        os.set_blocking(pipe.fileno(), False)
        self.pipe = pipe
        self._on_line = on_line
        self._rest = b""
        self._last: deque[str] = deque(maxlen=LAST_LINES)

    def read(self) -> bool:
        """Pass on the lines that are there; False at the end of the output."""
        if self.pipe.closed:
            return False
        try:
            while content := os.read(self.pipe.fileno(), READ_BYTES):
                *lines, self._rest = (self._rest + content).split(b"\n")
                for line in lines:
                    self._pass_on(line)
                if len(self._rest) > LONGEST_LINE_BYTES:
                    self._pass_on(self._rest)
                    self._rest = b""
        except BlockingIOError:
            return True
        if self._rest:
            self._pass_on(self._rest)
            self._rest = b""
        return False

    def sentence(self) -> str:
        """What the process said last: the sentence of its error, else its last line."""
        errors = [line for line in self._last if line.startswith(ERROR)]
        return (errors or [*self._last] or [""])[-1].removeprefix(ERROR)[:SHOWN_CHARS]

    def _pass_on(self, line: bytes) -> None:
        text = line.decode(errors="replace").rstrip("\r")
        if text.strip():
            self._last.append(text)
            self._on_line(text)
