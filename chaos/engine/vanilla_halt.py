"""A halt for a plain Chaos Toolkit experiment: its engine is interrupted in the way that keeps its rollbacks.

The way is SystemExit(20) inside whatever runs, as the engine's own SIGUSR1 does: an activity cannot swallow it, as it
can SIGTERM's exception. It is raised only until the method is over. From then on nothing is disturbed any more, the
rollbacks come next, and interrupting those would leave things in place.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

# What the engine takes for "leave now, with the rollbacks" (chaoslib.exit).
LEAVE = 20
PERIOD_S = 0.25


class Interruption:
    """`halted` says why to stop, empty while there is nothing to stop for. `reason` is why it was stopped."""

    def __init__(self, halted: Callable[[], str]) -> None:
        self._halted = halted
        self._may = False  # written by the main thread alone, and decisive only there: a handler runs there too
        self._over = threading.Event()
        self.reason = ""

    @contextlib.contextmanager
    def watching(self, runner: Any) -> Iterator[None]:
        """While the engine's `runner` runs. Main thread only."""
        runner.register_event_handler(self._phases())
        before = signal.signal(signal.SIGUSR1, self._leave)
        thread = threading.Thread(target=self._watch, name="halt", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._may = False
            self._over.set()
            thread.join()
            signal.signal(signal.SIGUSR1, before)

    def _phases(self) -> Any:
        from chaoslib.run import RunEventHandler

        interruption = self

        class Phases(RunEventHandler):  # type: ignore[misc]
            def running(self, *_: Any, **__: Any) -> None:
                signal.signal(signal.SIGUSR1, interruption._leave)  # the engine has just put its own there
                interruption._may = True

            def method_completed(self, *_: Any, **__: Any) -> None:
                interruption._may = False

            def start_rollbacks(self, *_: Any, **__: Any) -> None:
                interruption._may = False

        return Phases()

    def _leave(self, number: int, frame: FrameType | None) -> None:
        if self._may:
            self._may = False  # once: a second one could hit the engine's cleaning up
            self.reason = self._halted() or "SIGUSR1 received"
            raise SystemExit(LEAVE)

    def _watch(self) -> None:
        main = threading.main_thread().ident
        assert main is not None
        while not self._over.wait(PERIOD_S):
            if self._may and self._halted():
                # Looked up first: whose parent is killed by the interruption is nobody's child afterwards.
                children = _children()
                signal.pthread_kill(main, signal.SIGUSR1)
                _interrupt(children)


def _children() -> list[Any]:
    """What this process started in its own process group: what a terminal's Ctrl-C would reach too. What was put in a
    session of its own, such as a watchdog, is not among it."""
    import psutil

    found = []
    for child in psutil.Process().children(recursive=True):
        with contextlib.suppress(OSError, psutil.Error):
            if os.getpgid(child.pid) == os.getpgrp():
                found.append(child)
    return found


def _interrupt(children: list[Any]) -> None:
    """The engine's process activities run in a shell that is killed alone, and what it ran would go on."""
    import psutil

    for child in children:
        with contextlib.suppress(psutil.Error):
            child.send_signal(signal.SIGINT)
