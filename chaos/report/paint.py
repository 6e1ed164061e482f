"""Lines of styled text, made once and shown anywhere: with colours on a terminal, plain everywhere else.

Colours come from rich, and only when somebody will see them: a pipe, `NO_COLOR` or `TERM=dumb` gets plain text.
"""

from __future__ import annotations

import os
import sys
import textwrap
from collections.abc import Sequence

from chaos.model.verdict import Outcome

WIDTH = 80
MARKS = {Outcome.HELD: "✓", Outcome.DEVIATED: "✗", Outcome.INCONCLUSIVE: "?"}
STYLES = {Outcome.HELD: "green", Outcome.DEVIATED: "bold red", Outcome.INCONCLUSIVE: "yellow"}


def coloured() -> bool:
    """Would colours be seen on stdout? NO_COLOR: see no-color.org, any value that is not empty."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


class Page:
    """Lines, each a list of (text, style) pieces."""

    def __init__(self, width: int = WIDTH) -> None:
        self.width = width
        self._lines: list[list[tuple[str, str]]] = []

    def line(self, *pieces: tuple[str, str] | str) -> None:
        self._lines.append([(piece, "") if isinstance(piece, str) else piece for piece in pieces])

    def wrapped(self, text: str, style: str = "", indent: int = 0, first: str = "", first_style: str = "") -> None:
        """A paragraph. `first` stands before its first line, within the indent."""
        lines = textwrap.wrap(text, max(20, self.width - indent), break_on_hyphens=False) or [""]
        for number, part in enumerate(lines):
            lead = first if number == 0 else ""
            self.line((lead.ljust(indent), first_style), (part, style))

    def gap(self) -> None:
        self.line("")

    def plain(self) -> str:
        return "\n".join("".join(text for text, _ in line).rstrip() for line in self._lines)

    def show(self, *, colour: bool | None = None) -> str:
        """The page, with ANSI colours where they are wanted."""
        if not (coloured() if colour is None else colour):
            return self.plain()
        import io

        from rich.console import Console
        from rich.text import Text

        target = io.StringIO()
        console = Console(file=target, force_terminal=True, width=10_000, color_system="standard", highlight=False)
        for line in self._lines:
            console.print(Text.assemble(*((text, style) for text, style in line)), soft_wrap=True)
        return target.getvalue().rstrip("\n")


def columns(rows: Sequence[tuple[str, ...]], gap: int = 2) -> list[str]:
    """Rows as lines, each column as wide as its widest cell."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    return [
        (" " * gap).join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]
