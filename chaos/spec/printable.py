"""Sentences for people are shown on terminals, beside verdicts: what they say must not change what is shown."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

from chaos.spec.marked import Key, Node
from chaos.spec.problems import Problems

# Unicode's explicit directions: they show a line's letters in another order than they have.
DIRECTIONS = frozenset(map(chr, (*range(0x202A, 0x202F), *range(0x2066, 0x206A))))


def check_printable(texts: Iterable[tuple[tuple[Key, ...], str]], root: Node, problems: Problems) -> None:
    """Each with its place in the file. Lines may end, and letters of any script may join."""
    for path, text in texts:
        for letter in text:
            if letter not in "\n\t" and (letter in DIRECTIONS or unicodedata.category(letter) == "Cc"):
                problems.at(root, path, f"has the character U+{ord(letter):04X}, which changes what a terminal shows")
                break
