"""All that is wrong with one file, collected, so that a person reads every complaint at once."""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn

from chaos.errors import SpecError, SpecErrors
from chaos.spec.marked import Key, Node, spell


class Bad(Exception):
    """Nothing can be built from this part of the file; the reason has already been reported."""


class Problems:
    """What is wrong with one file so far."""

    def __init__(self, path: str | Path) -> None:
        self.path = str(path)
        self.errors: list[SpecError] = []

    def report(self, node: Node, where: str, message: str) -> None:
        """`file:line: where: message`, with the node's line."""
        text = f"{where}: {message}" if where else message
        self.errors.append(SpecError(text, path=self.path, line=node.line, column=node.column))

    def fail(self, node: Node, where: str, message: str) -> NoReturn:
        """Report, and give up on this part. Raises: Bad."""
        self.report(node, where, message)
        raise Bad

    def at(self, root: Node, path: tuple[Key, ...], message: str) -> None:
        """Report at a path of the file; where it is and what it is called both follow from the path."""
        self.report(root.find(*path), spell(path), message)

    def done(self) -> None:
        """Raises: SpecError for one problem, SpecErrors for several, in the file's order."""
        if not self.errors:
            return
        unique = list({str(error): error for error in self.errors}.values())
        if len(unique) == 1:
            raise unique[0]
        raise SpecErrors(sorted(unique, key=lambda error: (error.line or 0, error.column or 0)))
