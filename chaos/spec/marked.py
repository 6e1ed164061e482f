"""One value of a file together with where it stands, so that every complaint about it can name the line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

Key = str | int
Value = "None | bool | int | float | str | tuple[Node, ...] | dict[str, Node]"


@dataclass(frozen=True, kw_only=True, slots=True)
class Node:
    """A scalar, a list or a mapping. Lines and columns count from 1.

    `value` is None, bool, int, float, str, a tuple of nodes, or a dict of nodes. `text` is a scalar as it is written;
    `keys` are a mapping's keys as nodes of their own, for their places.
    """

    value: Any
    line: int
    column: int
    text: str = ""
    keys: dict[str, Node] = field(default_factory=dict)

    @property
    def is_mapping(self) -> bool:
        return isinstance(self.value, dict)

    @property
    def is_list(self) -> bool:
        return isinstance(self.value, tuple)

    def items(self) -> tuple[tuple[str, Node], ...]:
        """A mapping's pairs in file order; nothing for anything else."""
        return tuple(self.value.items()) if isinstance(self.value, dict) else ()

    def elements(self) -> tuple[Node, ...]:
        """A list's elements; nothing for anything else."""
        return self.value if isinstance(self.value, tuple) else ()

    def get(self, key: str) -> Node | None:
        return self.value.get(key) if isinstance(self.value, dict) else None

    def find(self, *path: Key) -> Node:
        """The node at a path, or the deepest one on the way there that exists."""
        here = self
        for part in path:
            if isinstance(part, int):
                elements = here.elements()
                if not -len(elements) <= part < len(elements):
                    return here
                here = elements[part]
            else:
                child = here.get(part)
                if child is None:
                    return here
                here = child
        return here

    def place_of(self, key: str) -> Node:
        """Where a key itself stands; the mapping when it has no such key."""
        return self.keys.get(key, self)

    def __str__(self) -> str:
        """What was got, for a message: `'300'`, `a list`, `nothing`."""
        if self.value is None:
            return "nothing"
        if isinstance(self.value, dict):
            return "a mapping" if self.value else "an empty mapping"
        if isinstance(self.value, tuple):
            return "a list" if self.value else "an empty list"
        if isinstance(self.value, str):
            return repr(shorten(self.value))
        return f"the number {shorten(self.text)}" if not isinstance(self.value, bool) else self.text


def shorten(text: str, most: int = 80) -> str:
    """A text that fits into a message, on one line."""
    line = " ".join(text.split()) if "\n" in text else text
    return line if len(line) <= most else f"{line[: most - 3]}..."


def plain(node: Node) -> Any:
    """A node as plain dicts, lists and scalars."""
    if isinstance(node.value, dict):
        return {key: plain(child) for key, child in node.value.items()}
    if isinstance(node.value, tuple):
        return [plain(child) for child in node.value]
    return node.value


def flow(node: Node) -> str:
    """A node on one line as a person would write it: `{link: web -> db, delay: 300ms}`."""
    if isinstance(node.value, dict):
        return "{" + ", ".join(f"{key}: {flow(child)}" for key, child in node.value.items()) + "}"
    if isinstance(node.value, tuple):
        return "[" + ", ".join(flow(child) for child in node.value) + "]"
    if isinstance(node.value, str):
        needs_quotes = not node.value or any(c in node.value for c in ",[]{}#\n\"'") or node.value.strip() != node.value
        return json.dumps(node.value, ensure_ascii=False) if needs_quotes else node.value
    return node.text or "null"


def spell(path: tuple[Key, ...]) -> str:
    """`method[0].latency.delay` for `("method", 0, "latency", "delay")`."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).removeprefix(".")


def walk(node: Node) -> Iterator[Node]:
    """Every node of a tree, parents first."""
    yield node
    for child in (*node.elements(), *(child for _, child in node.items())):
        yield from walk(child)
