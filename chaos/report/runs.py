"""`saleproof runs` as a table that fits a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from chaos.model.verdict import Outcome
from chaos.report.paint import STYLES, WIDTH, Page


class Summary(Protocol):
    """What a row is made of; the store's summaries have it."""

    @property
    def id(self) -> str: ...
    @property
    def title(self) -> str: ...
    @property
    def variant(self) -> str: ...
    @property
    def started_at(self) -> datetime: ...
    @property
    def status(self) -> str | None: ...
    @property
    def outcome(self) -> str | None: ...
    @property
    def exit(self) -> int | None: ...


def table(runs: Sequence[Summary], *, width: int = WIDTH, colour: bool | None = None) -> str:
    """One line a run: when, what it showed, how it ended if not simply completed, and the experiment."""
    page = Page(width)
    id_width = max([len(run.id) for run in runs], default=2)
    variant_width = min(12, max([len(run.variant) for run in runs], default=7))
    page.line((f"{'run':<{id_width}}  {'outcome':<12}  {'exit':>4}  {'variant':<{variant_width}}  experiment", "dim"))
    for run in runs:
        style = STYLES[Outcome(run.outcome)] if run.outcome else "dim"
        ended = "" if run.status == "completed" else f" ({run.status or 'running, or killed'})"
        exit_code = "-" if run.exit is None else str(run.exit)
        head = f"{run.id:<{id_width}}  "
        middle = f"  {exit_code:>4}  {run.variant[:variant_width]:<{variant_width}}  "
        room = max(10, width - len(head) - 12 - len(middle))
        title = run.title + ended
        page.line(head, (f"{run.outcome or 'not judged':<12}", style), middle + _cut(title, room))
    return page.show(colour=colour)


def _cut(text: str, room: int) -> str:
    return text if len(text) <= room else text[: room - 1] + "…"
