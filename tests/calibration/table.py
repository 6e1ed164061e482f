"""The table as it stands in docs/verdicts.md."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from .suite import Found, Suite

Done = Mapping[tuple[str, str], Found]


def table(suites: Iterable[Suite], done: Done) -> str:
    """Markdown. Cells of which nothing was simulated are left out."""
    return "\n\n".join(_table(suite, done) for suite in suites if _rows(suite, done))


def broken(suites: Iterable[Suite], done: Done) -> list[str]:
    """One line for each promise that is not kept."""
    return [
        f"{suite.name}: {cell}: {why}"
        for suite in suites for cell in suite.cells
        if (found := done.get((suite.name, cell))) and (why := suite.wrong(cell, found))
    ]  # fmt: skip


def _table(suite: Suite, done: Done) -> str:
    lines = [f"### {suite.title}", ""]
    if suite.note:
        lines += [suite.note, ""]
    lines += [_line(suite.head), "|" + "---|" * len(suite.head), *(_line(row) for row in _rows(suite, done))]
    return "\n".join(lines)


def _rows(suite: Suite, done: Done) -> list[tuple[str, ...]]:
    return [suite.row(cell, done[suite.name, cell]) for cell in suite.cells if (suite.name, cell) in done]


def _line(cells: tuple[str, ...]) -> str:
    return f"| {' | '.join(cells)} |"
