"""The table as it stands in docs/verdicts.md."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from .suite import Found, Suite

Done = Mapping[tuple[str, str], Found]
DOCUMENT = Path(__file__).parents[2] / "docs" / "verdicts.md"


def write(name: str, text: str, document: Path = DOCUMENT) -> None:
    """Put a table into the document, in the place of the one that was there. Raises: ValueError without that place."""
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    before, found, rest = document.read_text().partition(begin)
    _, closed, after = rest.partition(end)
    if not found or not closed:
        raise ValueError(f"{document} has no place for the table '{name}'")
    document.write_text(f"{before}{begin}\n\n{text}\n\n{end}{after}")


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
