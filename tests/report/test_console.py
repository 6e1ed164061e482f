"""The verdict's screen, pinned: what a person reads is part of what is promised."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from chaos.judge import judge
from chaos.model.event import (
    FaultReverted,
    FaultStuck,
    GuardBreached,
    InvariantChecked,
    LeaseExpired,
    Noted,
    ProbeFailed,
    RunEnded,
    SignalReceived,
    WindowEnded,
)
from chaos.model.fault import Evidence
from chaos.model.verdict import Verdict
from chaos.report.console import event_lines, render
from chaos.units import Duration

Snapshot = Callable[[str, str], None]


def sentences(make: Any) -> tuple[Any, ...]:
    return make.availability(99.0), make.p99(2.0), make.p99(2.0, ("checkout",))


def held(make: Any) -> Any:
    story = make.Story(conditions=sentences(make), invariants=("nothing-oversold",))
    return story.also(InvariantChecked(at_s=65.25, name="nothing-oversold", ok=True, checked=240))


def deviated(make: Any) -> Any:
    story = make.Story(conditions=sentences(make), faults=2, invariants=("no-order-lost",))
    story.slow("during 1", 0.2, 2.6, "checkout").fail("during 1", 0.03).also(
        InvariantChecked(at_s=109.9, name="no-order-lost", ok=False, checked=512, violations=("o-17", "o-44"))
    )
    return story


def undecided(make: Any) -> Any:
    return make.Story(
        conditions=(make.availability(99.9), make.p99(2.0, ("checkout",))), rate=60,
        evidence=Evidence(confirmed=False, text="+3 ms of 300 ms"),
    ).fail("after 1", 0.003)  # fmt: skip


def stuck(make: Any) -> Any:
    story = make.Story(conditions=sentences(make)).without(FaultReverted, RunEnded)
    return story.also(
        GuardBreached(at_s=30, condition="error-rate > 25% for 3s", value="41 of 100 bad in the last 1s"),
        FaultStuck(
            at_s=31, fault="1.1", place=make.place, error="the proxy answers 503",
            remedy="curl -X DELETE http://127.0.0.1:8474/proxies/web-1/toxics/sp-1",
        ),
        RunEnded(at_s=32, status="aborted", reason="error-rate > 25% for 3s"),
    )  # fmt: skip


STORIES = {"held": held, "deviated": deviated, "inconclusive": undecided, "stuck": stuck}


@pytest.mark.parametrize("name", STORIES)
def test_the_screen_is_as_pinned(make: Any, snapshot: Snapshot, name: str) -> None:
    """A changed word is a decision, not an accident."""
    journal = STORIES[name](make).journal()
    snapshot(f"{name}.txt", render(judge(journal), journal, colour=False))


@pytest.mark.parametrize("name", STORIES)
@pytest.mark.parametrize("width", [80, 100])
def test_no_line_is_wider_than_the_screen(make: Any, name: str, width: int) -> None:
    """Commands that a person copies are the exception: they are never broken."""
    journal = STORIES[name](make).journal()
    for line in render(judge(journal), journal, width=width, colour=False).splitlines():
        assert len(line) <= width or "http://" in line, line


def test_the_first_words_are_the_answer(make: Any) -> None:
    """Title, outcome with exit code, the decisive reason."""
    journal = deviated(make).journal()
    lines = render(judge(journal), journal, colour=False).splitlines()
    assert lines[0] == "Checkout survives a slow database"
    assert lines[1] == "DEVIATED · exit 1"
    assert lines[2].startswith("  no-order-lost: violated 2 times")


def test_a_pipe_and_no_color_get_plain_text(make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Colours only where somebody sees them."""
    journal = held(make).journal()
    verdict = judge(journal)
    assert "\x1b" not in render(verdict, journal)  # pytest's stdout is no terminal
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert "\x1b" in render(verdict, journal)
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b" not in render(verdict, journal)


def test_colour_changes_no_word(make: Any) -> None:
    """The same text with and without."""
    import re

    journal = deviated(make).journal()
    verdict = judge(journal)
    coloured = re.sub(r"\x1b\[[0-9;]*m", "", render(verdict, journal, colour=True))
    assert [line.rstrip() for line in coloured.splitlines()] == render(verdict, journal, colour=False).splitlines()


def test_square_brackets_in_a_title_are_text(make: Any) -> None:
    """What a user writes is never markup."""
    story = held(make)
    journal = story.journal()
    verdict: Verdict = judge(journal)
    import dataclasses

    import msgspec

    odd = dataclasses.replace(journal, plan=msgspec.structs.replace(journal.plan, title="[red]x[/red] [bold]"))
    assert "[red]x[/red] [bold]" in render(verdict, odd, colour=True)


def test_every_event_is_one_line(make: Any, snapshot: Snapshot) -> None:
    """When, what, where, how long."""
    story = stuck(make).also(
        Noted(at_s=1.5, text="the histogram has no bucket at 2 s"),
        ProbeFailed(at_s=22.0, source="db-query", error="timed out"),
        SignalReceived(at_s=33.0, signal="SIGTERM"),
        InvariantChecked(at_s=34.0, name="no-order-lost", ok=None, error="connection refused"),
    )
    lines = event_lines(story.journal())
    assert len(lines) == len(story.events)
    assert not any("\n" in line for line in lines)
    snapshot("events.txt", "\n".join(lines))


def test_a_lease_that_ran_out_is_told(make: Any) -> None:
    """Why, and what follows from it."""
    story = held(make).also(LeaseExpired(at_s=31.0, holder="fault proxy", reason="the lease ran out: it hangs"))
    (line,) = [line for line in event_lines(story.journal()) if "lease" in line]
    assert line.split(maxsplit=2)[2] == "the lease ran out: it hangs; nothing more is injected"


def test_it_says_what_an_early_end_has_saved(make: Any) -> None:
    """Why, after how long, and how much time that was."""
    story = held(make)
    end = next(e for e in story.events if isinstance(e, WindowEnded) and e.window == 1)
    start_s, _ = story.span("during 1")
    early = WindowEnded(at_s=start_s + 12, window=1, decided="every objective is held", settled_s=start_s + 11.5)
    story.events = [early if event is end else event for event in story.events]
    story.windows[1] = msgspec.structs.replace(story.windows[1], least=Duration(10))
    journal = story.journal()
    screen = render(judge(journal), journal, colour=False)
    assert "  ended after 12 s of 20 s: decided, every objective is held; saved 8 s\n" in screen
    assert any("during 1 ends, decided: every objective is held" in line for line in event_lines(journal))


def test_what_could_not_be_compared_is_not_called_good(make: Any) -> None:
    """Windows too short for a comparison: so many samples, none of them judged."""
    journal = make.Story(conditions=(make.availability(99.0), make.no_worse())).journal()
    rows = [line for line in render(judge(journal), journal, colour=False).splitlines() if "no worse" in line]
    assert rows
    assert not [row for row in rows if "good" in row or " / " in row]
