"""What a halted machine means for a run: it does not begin, and while it is still coming up it is unwound."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator

from chaos.engine.guard import PERIOD_S
from chaos.engine.halt import HaltFile
from chaos.errors import Interrupted, Refused


def refuse_when_halted(file: HaltFile) -> None:
    """Raises: Refused, saying by whom, since when, why, and how to go on."""
    halt = file.read()
    if halt is not None:
        raise Refused(f"{halt}; nothing was started. When all is well again: saleproof resume")


@contextlib.contextmanager
def unwind_when_halted(file: HaltFile) -> Iterator[None]:
    """While a target comes up there is no guard yet: a halt then ends it as Ctrl-C does. Nothing is injected by then.

    Main thread only, as signals are; elsewhere it watches nothing and the guard is the first to notice.
    Raises: Interrupted.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    over = threading.Event()
    watch = threading.Thread(target=_watch, args=(file, over), name="halt", daemon=True)
    watch.start()
    try:
        try:
            yield
        finally:
            over.set()
            watch.join()
    except KeyboardInterrupt:
        halt = file.read()
        if halt is None:
            raise
        raise Interrupted(f"{halt}; nothing had been injected yet, and what was started is down again") from None


def _watch(file: HaltFile, over: threading.Event) -> None:
    main = threading.main_thread().ident
    while not over.wait(PERIOD_S):
        if file.read() is not None and main is not None:
            signal.pthread_kill(main, signal.SIGINT)  # also wakes it from a system call
            return
