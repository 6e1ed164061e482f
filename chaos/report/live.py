"""What is seen of a run that is under way: a screen on a terminal, one line an event everywhere else.

On stderr: stdout is for the result. Both are called from several threads, must be quick, and never raise.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Protocol

from chaos.model.event import (
    AnyEvent,
    FaultConfirmed,
    FaultFailed,
    FaultInjected,
    FaultIntended,
    FaultReverted,
    FaultStuck,
)
from chaos.model.live import LiveFigures
from chaos.model.plan import Plan
from chaos.model.words import percent, seconds
from chaos.report.events import Describer

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

REFRESH_HZ = 4
LAST_EVENTS = 6
# Without a screen, figures are worth a line this often, in seconds.
FIGURES_EVERY_S = 10.0


class Watching(Protocol):
    """What the run tells whoever watches."""

    def planned(self, plan: Plan) -> None:
        """The plan is made; names are known from now on. Optional."""

    def progress(self, who: str, what: str) -> None:
        """Before the run itself: `web-1`, `ready`."""

    def on_event(self, event: AnyEvent) -> None: ...

    def on_tick(self, figures: LiveFigures) -> None: ...


@contextlib.contextmanager
def screen(title: str) -> Iterator[LiveScreen | PlainLines]:
    """A live screen where stderr is a terminal that can do it, else plain lines."""
    if not sys.stderr.isatty() or os.environ.get("TERM", "dumb") == "dumb":
        yield PlainLines(_to_stderr)
        return
    with LiveScreen(title) as live:
        yield live


def _to_stderr(line: str) -> None:
    with contextlib.suppress(OSError, ValueError):  # nobody reads any more; the run goes on
        print(line, file=sys.stderr, flush=True)  # noqa: T201


class PlainLines:
    """One line an event, and one with the figures every ten seconds. `write` gets lines without their end."""

    def __init__(self, write: Callable[[str], None] = _to_stderr) -> None:
        self._write = write
        self._describer = Describer()
        self._lock = threading.Lock()
        self._figures_at_s = float("-inf")

    def planned(self, plan: Plan) -> None:
        self._describer = Describer(plan)

    def progress(self, who: str, what: str) -> None:
        self._say(f"{'':8}  {'set-up':<9}  {who} {what}")

    def on_event(self, event: AnyEvent) -> None:
        self._say(self._describer.line(event))

    def on_tick(self, figures: LiveFigures) -> None:
        if figures.at_s - self._figures_at_s >= FIGURES_EVERY_S:
            self._figures_at_s = figures.at_s
            self._say(f"{figures.at_s:7.1f}s  {'now':<9}  {figures_line(figures)}")

    def _say(self, line: str) -> None:
        with self._lock, contextlib.suppress(Exception):  # a screen that breaks must not break the run
            self._write(line)


class LiveScreen:
    """The whole picture, redrawn a few times a second. Use as a context manager."""

    def __init__(self, title: str, console: Console | None = None) -> None:
        from rich.console import Console
        from rich.live import Live

        self._title = title
        self._describer = Describer()
        self._lock = threading.RLock()
        self._events: deque[str] = deque(maxlen=LAST_EVENTS)
        self._on: dict[tuple[str, str], str] = {}
        self._figures: LiveFigures | None = None
        self._seen_s = time.monotonic()
        self._live = Live(
            console=console or Console(stderr=True), get_renderable=self.render, refresh_per_second=REFRESH_HZ,
            transient=True,
        )  # fmt: skip

    def __enter__(self) -> LiveScreen:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def planned(self, plan: Plan) -> None:
        with self._lock:
            self._describer = Describer(plan)

    def progress(self, who: str, what: str) -> None:
        with self._lock:
            self._events.append(f"{'':8}  {'set-up':<9}  {who} {what}")

    def on_event(self, event: AnyEvent) -> None:
        with self._lock, contextlib.suppress(Exception):  # a screen that breaks must not break the run
            self._events.append(self._describer.line(event))
            self._note_fault(event)

    def on_tick(self, figures: LiveFigures) -> None:
        with self._lock:
            self._figures, self._seen_s = figures, time.monotonic()

    def _note_fault(self, event: AnyEvent) -> None:
        match event:
            case FaultIntended():
                self._on[(event.fault, event.place)] = f"{event.undo.kind} {event.place}  being injected"
            case FaultInjected():
                self._change(event, "injected, not confirmed yet")
            case FaultConfirmed():
                self._change(event, ("" if event.evidence.confirmed else "DID NOT BITE ") + event.evidence.text)
            case FaultStuck():
                self._change(event, f"STILL IN PLACE: {event.error}")
            case FaultReverted() | FaultFailed():
                self._on.pop((event.fault, event.place), None)
            case _:
                pass

    def _change(self, event: FaultInjected | FaultConfirmed | FaultStuck, words: str) -> None:
        key = (event.fault, event.place)
        head = self._on.get(key, f"{event.fault} {event.place}  ").split("  ")[0]
        self._on[key] = f"{head}  {words}"

    # The picture ----------------------------------------------------------------------------------------------------

    def render(self) -> RenderableType:
        """The screen as it is now."""
        from rich.console import Group
        from rich.panel import Panel
        from rich.text import Text

        with self._lock:
            figures, on, events = self._figures, list(self._on.values()), list(self._events)
        parts: list[Any] = []
        if figures is not None:
            parts += [self._bar(figures), Text(figures_line(figures)), self._conditions(figures)]
        for fault in on:
            parts.append(Text(f"● {fault}", style="bold magenta", overflow="ellipsis", no_wrap=True))
        if not on and figures is not None:
            parts.append(Text("no fault is on", style="dim"))
        parts += [Text(line, style="dim", overflow="ellipsis", no_wrap=True) for line in events]
        return Panel(Group(*parts), title=self._title, title_align="left", border_style="cyan")

    def _bar(self, figures: LiveFigures) -> Any:
        from rich.progress_bar import ProgressBar
        from rich.table import Table

        # Between two ticks the bar moves on by the clock, so that it does not stutter.
        elapsed_s = figures.window_elapsed_s + (time.monotonic() - self._seen_s if figures.window else 0.0)
        length_s = max(figures.window_length_s, 1e-9)
        left_s = max(0.0, length_s - elapsed_s)
        row = Table.grid(padding=(0, 1), expand=True)
        row.add_column(no_wrap=True)
        row.add_column(ratio=1)
        row.add_column(no_wrap=True, justify="right")
        if figures.window:
            bar = ProgressBar(total=length_s, completed=min(elapsed_s, length_s))
            row.add_row(figures.window, bar, f"{left_s:.0f} s left")
        else:
            row.add_row("between windows", "", f"{figures.at_s:.0f} s")
        return row

    def _conditions(self, figures: LiveFigures) -> Any:
        from rich.table import Table
        from rich.text import Text

        table = Table.grid(padding=(0, 2))
        for condition in figures.conditions:
            mark, style = {True: ("✓", "green"), False: ("✗", "bold red"), None: ("·", "dim")}[condition.ok]
            table.add_row(Text(mark, style=style), condition.text, Text(condition.value, style=style))
        return table


def figures_line(figures: LiveFigures) -> str:
    """`241 requests/s, 0.1 % failed, p50 4.1 ms, p99 38 ms, 3 in flight`."""
    parts = [f"{figures.rate:,.0f} requests/s"]
    if figures.error_ratio is not None:
        parts.append(f"{percent(figures.error_ratio)} failed")
    parts += [
        f"{name} {seconds(value)}"
        for name, value in (("p50", figures.p50_s), ("p99", figures.p99_s))
        if value is not None
    ]
    return ", ".join([*parts, f"{figures.in_flight:,} in flight"])
