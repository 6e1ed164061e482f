"""What a halt means for a run: it does not begin, and while its target is still coming up it is unwound."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Protocol

from chaos.engine.guard import PERIOD_S
from chaos.errors import Interrupted, Refused, SaleproofError

if TYPE_CHECKING:
    from chaos.engine.halt import HaltFile
    from chaos.model.halt import Halt
    from chaos.model.platform import Station

# How often a target elsewhere is asked. With the guard's own period, a run hears of a halt there within a second.
ASK_EVERY_S = 0.5


class Readable(Protocol):
    """A halt file, or that and more."""

    def read(self) -> Halt | None:
        """Never raises."""


class Halts:
    """This machine's halt file, and what the target's own station says, which a thread asks all the time."""

    def __init__(self, file: HaltFile) -> None:
        self._file = file
        self._there: Halt | None = None
        self._over = threading.Event()
        self._thread: threading.Thread | None = None

    def read(self) -> Halt | None:
        return self._file.read() or self._there

    def watch(self, station: Station) -> None:
        """From now on. Raises: Refused when the target is halted; Unavailable when nobody can tell."""
        halt = station.halted()
        if halt is not None:
            raise Refused(
                f"{station.target} is {halt} (kept at {station.where}); nothing was started. When all is well again: "
                "saleproof resume --target FILE"
            )
        self._thread = threading.Thread(target=self._ask, args=(station,), name="halt there", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Idempotent. It is not waited for: whom it asks may hang."""
        self._over.set()

    def _ask(self, station: Station) -> None:
        while self._there is None and not self._over.wait(ASK_EVERY_S):
            # Where nobody answers, no lease is renewed either, and that ends the run.
            with contextlib.suppress(SaleproofError):
                self._there = station.halted()


def refuse_when_halted(file: Readable) -> None:
    """Raises: Refused, saying by whom, since when, why, and how to go on."""
    halt = file.read()
    if halt is not None:
        raise Refused(f"{halt}; nothing was started. When all is well again: saleproof resume")


@contextlib.contextmanager
def unwind_when_halted(file: Readable) -> Iterator[None]:
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


def _watch(file: Readable, over: threading.Event) -> None:
    main = threading.main_thread().ident
    while not over.wait(PERIOD_S):
        if file.read() is not None and main is not None:
            signal.pthread_kill(main, signal.SIGINT)  # also wakes it from a system call
            return
