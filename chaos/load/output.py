"""The generator's stream to its runner."""

from __future__ import annotations

import contextlib
import os
import queue
import threading
import time

from chaos.load.wire import Message, encode


class Output:
    """The stream to the runner, written by a thread: a runner that is slow to read must not slow the customers."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._queue: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._stuck_since_s: float | None = None
        self._thread = threading.Thread(target=self._run, name="output", daemon=True)
        self._thread.start()

    def send(self, message: Message) -> None:
        self._queue.put(encode(message))

    @property
    def unread_s(self) -> float:
        """For how long a message has been waiting for the runner to read it."""
        since_s = self._stuck_since_s
        return 0.0 if since_s is None else time.monotonic() - since_s

    def close(self, timeout_s: float) -> None:
        """Wait until all is written."""
        self._queue.put(None)
        self._thread.join(timeout_s)

    def _run(self) -> None:
        with contextlib.suppress(OSError):
            while (data := self._queue.get()) is not None:
                view = memoryview(data)
                while view:
                    self._stuck_since_s = time.monotonic()
                    view = view[os.write(self._descriptor, view) :]
                self._stuck_since_s = None
