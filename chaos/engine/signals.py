"""Signals without surprises: a handler does nothing, and a thread of its own acts on what arrived.

Code that runs inside a Python signal handler can deadlock on any lock that the interrupted code holds, an Event's too.
So the interpreter only writes the signal's number to a pipe (`signal.set_wakeup_fd`), and a thread reads it.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any, Self

HANDLED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def _nothing(number: int, frame: FrameType | None) -> None:
    """The pipe has it already."""


class Signals:
    """While entered, SIGINT, SIGTERM and SIGHUP call `on_signal(name)` from a thread; after `install` that is all that
    they do: whatever the main thread is at is not disturbed.

    Main thread only. `install` again after a library put handlers of its own.
    """

    def __init__(self, on_signal: Callable[[str], None]) -> None:
        self._on_signal = on_signal
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        self._read, self._write = os.pipe()
        os.set_blocking(self._write, False)
        self._old_fd = signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)
        self._before = {number: signal.getsignal(number) for number in HANDLED}
        self._thread = threading.Thread(target=self._listen, name="signals", daemon=True)
        self._thread.start()
        return self

    def install(self) -> None:
        for number in HANDLED:
            signal.signal(number, _nothing)

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._old_fd)
        os.close(self._write)
        self._thread.join(timeout=2)
        os.close(self._read)

    def _listen(self) -> None:
        while arrived := os.read(self._read, 64):
            for number in arrived:
                if number in HANDLED:
                    self._on_signal(signal.Signals(number).name)


def raise_until_ready() -> None:
    """While a run opens, before anything is disturbed: the first signal is a Ctrl-C, which unwinds what was opened;
    those after it do not disturb the unwinding."""
    for number in HANDLED:
        signal.signal(number, _raise_once)


def _raise_once(number: int, frame: FrameType | None) -> None:
    for each in HANDLED:
        signal.signal(each, _nothing)
    raise KeyboardInterrupt
