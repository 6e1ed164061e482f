"""Read JSON with lines and columns, by the same rules as YAML: no duplicate keys, no NaN, not too deep."""

from __future__ import annotations

import bisect
import re
from json import JSONDecodeError
from json.decoder import scanstring  # type: ignore[attr-defined]
from typing import NoReturn

from chaos.errors import SpecError
from chaos.spec.marked import Node, shorten
from chaos.spec.scalars import resolve
from chaos.spec.yaml import DEPTH_MAX

_SPACE = re.compile(r"[ \t\r\n]*")
_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?")
_WORD = re.compile(r"[A-Za-z]+")


def parse(text: str, path: str) -> Node:
    """The document as marked nodes. Raises: SpecError."""
    return _Reader(text, path).document()


class _Reader:
    def __init__(self, text: str, path: str) -> None:
        self.text, self.path, self.at = text, path, 0
        self.starts = [0, *(found.end() for found in re.finditer("\n", text))]

    def place(self, at: int) -> tuple[int, int]:
        line = bisect.bisect_right(self.starts, at)
        return line, at - self.starts[line - 1] + 1

    def refuse(self, message: str, at: int | None = None) -> NoReturn:
        line, column = self.place(self.at if at is None else at)
        raise SpecError(message, path=self.path, line=line, column=column)

    def peek(self) -> str:
        """The next character that is not white space; empty at the end."""
        found = _SPACE.match(self.text, self.at)
        self.at = found.end() if found else self.at
        return self.text[self.at : self.at + 1]

    def expect(self, characters: str, after: str) -> str:
        got = self.peek()
        if not got or got not in characters:
            wanted = " or ".join(f"'{c}'" for c in characters)
            self.refuse(f"not JSON: expected {wanted} after {after}, got {repr(got) if got else 'the end of the file'}")
        self.at += 1
        return got

    def document(self) -> Node:
        if not self.peek():
            raise SpecError("the file is empty", path=self.path)
        node = self.value(0)
        if self.peek():
            self.refuse("not JSON: something follows the document's end")
        if node.value is None:
            raise SpecError("the file is empty", path=self.path)
        return node

    def value(self, depth: int) -> Node:
        start, first = self.peek(), self.at
        if depth >= DEPTH_MAX:
            self.refuse(f"nested more than {DEPTH_MAX} deep")
        line, column = self.place(first)
        if start == "{":
            return self.mapping(depth, line, column)
        if start == "[":
            return self.sequence(depth, line, column)
        if start == '"':
            text = self.string()
            return Node(value=text, line=line, column=column, text=text)
        if number := _NUMBER.match(self.text, self.at):
            self.at = number.end()
            try:
                return Node(value=resolve(number[0]), line=line, column=column, text=number[0])
            except ValueError as error:
                self.refuse(str(error), first)
        word = _WORD.match(self.text, self.at)
        if word and word[0] in ("true", "false", "null"):
            self.at = word.end()
            return Node(value=resolve(word[0]), line=line, column=column, text=word[0])
        got = repr(word[0] if word else start) if start else "the end of the file"
        self.refuse(f"not JSON: expected a value, got {got}")

    def string(self) -> str:
        start = self.at
        try:
            text: str
            text, self.at = scanstring(self.text, start + 1, True)
        except JSONDecodeError as error:
            self.refuse(f"not JSON: {error.msg}", error.pos)
        if any("\ud800" <= c <= "\udfff" for c in text):
            self.refuse("not JSON: half of a surrogate pair", start)
        return text

    def sequence(self, depth: int, line: int, column: int) -> Node:
        self.at += 1
        values: list[Node] = []
        if self.peek() == "]":
            self.at += 1
            return Node(value=(), line=line, column=column)
        while True:
            values.append(self.value(depth + 1))
            if self.expect(",]", "an element") == "]":
                return Node(value=tuple(values), line=line, column=column)

    def mapping(self, depth: int, line: int, column: int) -> Node:
        self.at += 1
        values: dict[str, Node] = {}
        keys: dict[str, Node] = {}
        if self.peek() == "}":
            self.at += 1
            return Node(value=values, line=line, column=column)
        while True:
            if self.peek() != '"':
                self.refuse(f"not JSON: expected a key in double quotes, got {self.peek()!r}")
            start = self.at
            key = self.string()
            key_line, key_column = self.place(start)
            if not key:
                self.refuse("a key is empty", start)
            if key in values:
                self.refuse(f"duplicate key '{shorten(key)}'; it is on line {keys[key].line} already", start)
            keys[key] = Node(value=key, line=key_line, column=key_column, text=key)
            self.expect(":", "a key")
            values[key] = self.value(depth + 1)
            if self.expect(",}", "a value") == "}":
                return Node(value=values, line=line, column=column, keys=keys)
