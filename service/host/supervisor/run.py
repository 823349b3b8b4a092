"""The supervisor: keeps several programs running, with one log, until it is told to end."""

from __future__ import annotations

import selectors
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType

from core.home_processes.supervision import SupervisedProcess
from service.host.supervisor.child import Child, Program
from service.host.supervisor.log import ProcessLog
from service.host.supervisor.output import Output

LOOK_S = 0.2
STOP_S = 45.0
"""A worker ends at the next step of its job, a gateway when its requests are answered: both take up to 30 s."""
SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class Supervisor:
    """`on_change` gets the state of all programs after each start and each end.

    `programs`: in the order in which they start. They are told to end in groups, the last one first: those after the
    first program together, then that one.
    """

    def __init__(
        self,
        programs: Sequence[Program],
        *,
        log: ProcessLog,
        on_change: Callable[[tuple[SupervisedProcess, ...]], None] = lambda _states: None,
        stop_s: float = STOP_S,
    ) -> None:
        self._children = [Child(program, on_line=log.line) for program in programs]
        self._log, self._on_change, self._stop_s = log, on_change, stop_s
        self._signals: list[int] = []
        self._selector = selectors.DefaultSelector()

    def run(self) -> int:
        """Run until SIGTERM, SIGINT or SIGHUP, then end all in order; a second signal kills them at once.

        Returns 0, 1 if a process had to be killed, or 128 + n after a second signal n.
        """
        with self._noting_signals(), self._selector:
            while not self._signals:
                self._look()
                self._read()
            self._log.say(f"{signal.Signals(self._signals[0]).name}: {self._names} end; once more kills them")
            code = self._end()
            self._read()
            self._close_outputs()
            self._say("ended")
        return code

    @property
    def _names(self) -> str:
        return ", ".join(child.name for child in self._children)

    @contextmanager
    def _noting_signals(self) -> Iterator[None]:
        def note(number: int, _: FrameType | None) -> None:
            self._signals.append(number)

        previous = {number: signal.signal(number, note) for number in SIGNALS}
        try:
            yield
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)

    def _look(self) -> None:
        for child in self._children:
            if sentence := child.ended():
                self._say(sentence)
            try:
                output = child.start_if_due()
            except OSError as error:  # no memory, no process ids left
                self._say(child.could_not_start(error))
                continue
            if output:
                self._selector.register(output.pipe, selectors.EVENT_READ, output)
                self._say(f"{child.name} started (process {child.state.pid})")

    def _say(self, sentence: str) -> None:
        """Tell a change of a program."""
        self._on_change(tuple(child.state for child in self._children))
        self._log.say(sentence)

    def _read(self) -> None:
        for key, _ in self._selector.select(LOOK_S):
            output: Output = key.data
            if not output.read():
                self._selector.unregister(output.pipe)
                output.pipe.close()

    def _close_outputs(self) -> None:
        """Of processes that a program left behind, whose output may never end."""
        for key in list(self._selector.get_map().values()):
            self._selector.unregister(key.fileobj)
            key.data.pipe.close()

    def _end(self) -> int:
        first, *others = self._children
        are_killed = [self._end_group(group) for group in (others, [first])]
        if len(self._signals) > 1:
            return 128 + self._signals[1]
        return int(any(are_killed))

    def _end_group(self, children: Sequence[Child]) -> bool:
        """Whether one of them had to be killed."""
        for child in children:
            child.tell_to_end()
        deadline = time.monotonic() + self._stop_s
        while waiting := [child for child in children if not child.has_ended()]:
            if len(self._signals) > 1 or time.monotonic() > deadline:
                for child in waiting:
                    child.kill()
                    self._log.say(f"{child.name} was killed")
                return True
            self._read()
        return False
