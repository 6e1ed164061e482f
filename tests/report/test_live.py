"""What is seen while a run lasts."""

from __future__ import annotations

import io
import threading
from typing import Any

import pytest
from rich.console import Console

from chaos.model.event import Noted, RunEnded
from chaos.model.live import LiveCondition, LiveFigures
from chaos.report.live import LiveScreen, PlainLines, figures_line, screen

FIGURES = LiveFigures(
    at_s=24.5, window="during 1", window_elapsed_s=4.5, window_length_s=60.0, rate=241.2, error_ratio=0.0012,
    p50_s=0.0041, p99_s=1.38, in_flight=73,
    conditions=(
        LiveCondition(text="availability >= 99.9%", value="99.88 %", ok=False),
        LiveCondition(text="checkout.p99 < 3s", value="1.38 s", ok=True),
        LiveCondition(text="cache-hits >= 80%", value="-", ok=None),
    ),
)  # fmt: skip


def drawn(live: LiveScreen, width: int = 80) -> str:
    console = Console(file=io.StringIO(), width=width, color_system=None)
    console.print(live.render())
    output = console.file
    assert isinstance(output, io.StringIO)
    return output.getvalue()


def test_the_screen_shows_phase_figures_conditions_fault_and_events(make: Any) -> None:
    """Everything that a person wants to know at a glance."""
    story = make.Story()
    live = LiveScreen("Checkout survives a slow database", Console(file=io.StringIO()))
    live.planned(story.journal().plan)
    for event in sorted(story.events, key=lambda e: e.at_s):
        if event.at_s < 22:
            live.on_event(event)
    live.on_tick(FIGURES)
    text = drawn(live)
    for part in (
        "Checkout survives a slow database", "during 1", "s left", "241 requests/s", "0.12 % failed", "p99 1.38 s",
        "73 in flight", "✗  availability >= 99.9%", "✓  checkout.p99 < 3s", "·  cache-hits >= 80%",
        "● latency web-1 -> db  +298 ms of 300 ms", "confirmed, +298 ms",
    ):  # fmt: skip
        assert part in text, (part, text)
    assert all(len(line) <= 80 for line in text.splitlines())
    for event in sorted(story.events, key=lambda e: e.at_s):
        if event.at_s >= 22:
            live.on_event(event)
    assert "no fault is on" in drawn(live)


def test_an_empty_screen_can_be_drawn() -> None:
    """Before the first figure."""
    live = LiveScreen("t", Console(file=io.StringIO()))
    live.progress("web-1", "ready")
    assert "web-1 ready" in drawn(live)


def test_many_threads_may_talk_to_the_screen_while_it_is_drawn() -> None:
    """No exception escapes, nothing hangs."""
    with LiveScreen("t", Console(file=io.StringIO(), force_terminal=True, width=80)) as live:

        def talk() -> None:
            for i in range(50):
                live.on_event(Noted(at_s=float(i), text="x" * i))
                live.on_tick(FIGURES)

        threads = [threading.Thread(target=talk) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(timeout=30)
        assert not any(thread.is_alive() for thread in threads)


def test_plain_lines_are_one_an_event_and_figures_every_ten_seconds(make: Any) -> None:
    """With the plan's names once it is known."""
    lines: list[str] = []
    plain = PlainLines(lines.append)
    story = make.Story()
    plain.planned(story.journal().plan)
    for event in story.events[:9]:
        plain.on_event(event)
    assert "    5.0s  window     before begins, 15s" in lines
    assert "   21.1s  fault      latency web-1 -> db: confirmed, +298 ms of 300 ms" in lines
    lines.clear()
    import msgspec

    for at_s in range(30, 60):
        plain.on_tick(msgspec.structs.replace(FIGURES, at_s=float(at_s)))
    assert len(lines) == 3
    assert lines[0] == f"   30.0s  now        {figures_line(FIGURES)}"


def test_a_fault_is_named_by_its_kind_even_without_a_plan(make: Any) -> None:
    """Its undo record says what it is."""
    lines: list[str] = []
    plain = PlainLines(lines.append)
    for event in make.Story().events[:9]:
        plain.on_event(event)
    assert any("latency web-1 -> db: injected" in line for line in lines)


def test_a_screen_that_breaks_does_not_break_the_run() -> None:
    """Nobody reads any more."""

    def broken(_: str) -> None:
        raise BrokenPipeError

    PlainLines(broken).on_event(RunEnded(at_s=1.0, status="completed"))


def test_without_a_terminal_there_are_plain_lines_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    """stdout stays free for the result."""
    with screen("t") as watching:
        assert isinstance(watching, PlainLines)
        watching.progress("db", "ready")
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "db ready" in captured.err


def test_unknown_figures_are_left_out() -> None:
    """Not shown as zero."""
    assert figures_line(LiveFigures(at_s=1.0)) == "0 requests/s, 0 in flight"
