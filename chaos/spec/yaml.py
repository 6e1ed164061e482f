"""Read one YAML document with lines and columns: YAML 1.2 scalars, and nothing that lets a file mean two things.

Duplicate keys, anchors, aliases, tags, several documents and keys that are not words are refused. Works on PyYAML's
events, so that nothing is built before it is checked and a hostile file costs no more than its own length.
"""

from __future__ import annotations

from typing import Any, NoReturn

import yaml as pyyaml

from chaos.errors import SpecError
from chaos.spec.marked import Node, shorten
from chaos.spec.scalars import resolve

# Deeper than any file of ours by far; well under Python's recursion limit.
DEPTH_MAX = 40

# libyaml's parser is about ten times as fast; the pure one says the same.
LOADER: Any = getattr(pyyaml, "CSafeLoader", pyyaml.SafeLoader)

_HINTS = {
    "mapping values are not allowed": "a value that contains ': ' needs quotes",
    "cannot start any token": "a value that begins with one of % @ ` or a tab needs quotes, and indentation is spaces",
    "did not find expected key": "look at the indentation and the quotes above",
    "expected <block end>": "look at the indentation above",
    "could not find expected ':'": "a key is followed by ': '",
    "found unexpected end of stream": "a quote or a bracket is not closed",
    "did not find expected ',' or": "a bracket is not closed, or a comma is missing",
}


def parse(text: str, path: str) -> Node:
    """The document as marked nodes. Raises: SpecError."""
    return _Composer(path, LOADER).compose(text)


class _Open:
    """A list or a mapping that is being read."""

    def __init__(self, event: Any) -> None:
        self.line, self.column = _mark(event.start_mark)
        self.is_mapping = isinstance(event, pyyaml.MappingStartEvent)
        self.values: list[Node] = []
        self.keys: dict[str, Node] = {}
        self.key: str | None = None

    def close(self) -> Node:
        value: Any = dict(zip(self.keys, self.values, strict=True)) if self.is_mapping else tuple(self.values)
        return Node(value=value, line=self.line, column=self.column, keys=self.keys)


class _Composer:
    def __init__(self, path: str, loader: Any) -> None:
        self.path = path
        self.loader = loader

    def refuse(self, message: str, mark: Any, cause: Exception | None = None) -> NoReturn:
        line, column = _mark(mark)
        raise SpecError(message, path=self.path, line=line, column=column) from cause

    def compose(self, text: str) -> Node:
        found: Node | None = None
        documents = 0
        stack: list[_Open] = []
        try:
            for event in pyyaml.parse(text, Loader=self.loader):
                if isinstance(event, pyyaml.DocumentStartEvent):
                    documents += 1
                    if documents > 1:
                        self.refuse("a second document begins here; one file holds one", event.start_mark)
                elif isinstance(event, pyyaml.NodeEvent):
                    self._allowed(event, len(stack))
                    if isinstance(event, pyyaml.ScalarEvent):
                        found = self._place(self._scalar(event), stack, event)
                    else:
                        stack.append(self._opened(event, stack))
                elif isinstance(event, pyyaml.CollectionEndEvent):
                    found = self._place(stack.pop().close(), stack, event)
        except pyyaml.MarkedYAMLError as error:
            self._explain(error, text)
        except pyyaml.YAMLError as error:
            raise SpecError(f"not YAML: {shorten(str(error))}", path=self.path) from error
        if found is None or found.value is None:
            raise SpecError("the file is empty", path=self.path)
        return found

    def _allowed(self, event: Any, depth: int) -> None:
        if isinstance(event, pyyaml.AliasEvent):
            self.refuse(f"aliases (*{event.anchor}) are refused: write the value out", event.start_mark)
        if event.anchor is not None:
            self.refuse(
                f"anchors (&{event.anchor}) are refused: write the value out where it is used", event.start_mark
            )
        if event.tag is not None:
            self.refuse(f"tags ({event.tag}) are refused: values are what they look like", event.start_mark)
        if depth >= DEPTH_MAX:
            self.refuse(f"nested more than {DEPTH_MAX} deep", event.start_mark)

    def _opened(self, event: Any, stack: list[_Open]) -> _Open:
        if stack and stack[-1].is_mapping and stack[-1].key is None:
            self.refuse("a key must be a word, not a list or a mapping", event.start_mark)
        return _Open(event)

    def _scalar(self, event: Any) -> Node:
        line, column = _mark(event.start_mark)
        value: Any = event.value
        if event.implicit[0]:
            try:
                value = resolve(event.value)
            except ValueError as error:
                self.refuse(str(error), event.start_mark, error)
        return Node(value=value, line=line, column=column, text=event.value)

    def _place(self, node: Node, stack: list[_Open], event: Any) -> Node:
        """Put a finished node where it belongs. Returns it."""
        if not stack:
            return node
        parent = stack[-1]
        if not parent.is_mapping:
            parent.values.append(node)
        elif parent.key is None:
            key = node.text
            if not key or key == "<<":
                self.refuse("merge keys (<<) are refused" if key else "a key is missing before ':'", event.start_mark)
            if key in parent.keys:
                first = parent.keys[key].line
                self.refuse(f"duplicate key '{shorten(key)}'; it is on line {first} already", event.start_mark)
            parent.keys[key] = node
            parent.key = key
        else:
            parent.values.append(node)
            parent.key = None
        return node

    def _explain(self, error: pyyaml.MarkedYAMLError, text: str) -> NoReturn:
        mark = error.problem_mark or error.context_mark
        problem = " ".join(part for part in (error.context, error.problem) if part)
        line = text.splitlines()[mark.line] if mark is not None and mark.line < len(text.splitlines()) else ""
        if "\t" in line[: len(line) - len(line.lstrip())] or "tab" in problem:
            self.refuse("a tab in the indentation; use spaces", mark, error)
        hint = next((f"; {hint}" for sign, hint in _HINTS.items() if sign in problem), "")
        self.refuse(f"not YAML: {problem}{hint}", mark, error)


def _mark(mark: Any) -> tuple[int, int]:
    return (mark.line + 1, mark.column + 1) if mark is not None else (1, 1)
