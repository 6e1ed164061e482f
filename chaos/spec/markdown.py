"""A noun's keys as Markdown tables."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Literal, get_args, get_origin

from chaos.model.base import Noun
from chaos.spec.keys import Key, choices, descriptions, first_line, is_noun, keys_of, strip
from chaos.units import Quantity


def nouns(root: type[Noun], heading: str) -> list[str]:
    """A table for the noun, and one for every noun inside it, in the order in which they are met."""
    lines = [f"## {heading}", "", first_line(root), "", *table(root)]
    for inner in inner_nouns(root):
        lines += [f"## {title(inner)}", "", first_line(inner), "", *table(inner)]
    return lines


def inner_nouns(root: type[Noun]) -> list[type[Noun]]:
    """The nouns inside a noun, each once."""
    found: dict[type[Noun], None] = {}
    for key in keys_of(root).values():
        for noun in _in_type(key.kind):
            if noun not in found:
                found |= dict.fromkeys([noun, *inner_nouns(noun)])
    return list(found)


def _in_type(kind: Any) -> list[type[Noun]]:
    kind, _ = strip(kind)
    if is_noun(kind):
        return [kind]
    members = choices(kind)
    inside = members if members[0] is not kind else get_args(kind)
    return [noun for inner in inside if inner is not Ellipsis for noun in _in_type(inner)]


def title(noun: type) -> str:
    words = "".join(f" {c.lower()}" if c.isupper() else c for c in noun.__name__.removesuffix("Part")).strip()
    return words.capitalize()


def table(noun: type[Noun]) -> list[str]:
    texts = descriptions(noun)
    rows = [
        f"| `{key.word}` | {type_words(key.kind)} | {_default(key)} | {texts.get(key.word, '')} |"
        for key in keys_of(noun).values()
    ]
    return ["| key | value | default | means |", "|---|---|---|---|", *rows, ""]


def _default(key: Key) -> str:
    value = key.default
    if key.required:
        return "**required**"
    if value is None or value in ({}, (), "") or isinstance(value, Noun):
        return ""
    if isinstance(value, Quantity | str | int | float) and not isinstance(value, bool):
        return f"`{value}`"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f"`[{', '.join(map(str, value))}]`"


def type_words(kind: Any) -> str:
    """A type in a word or two."""
    kind, _ = strip(kind)
    members = choices(kind)
    if len(members) > 1 or members[0] is not kind:
        return " or ".join(type_words(member) for member in members)
    origin, args = get_origin(kind), get_args(kind)
    if origin is Literal:
        return ", ".join(f"`{choice}`" for choice in args)
    if origin in (tuple, list):
        endless = origin is list or (len(args) == 2 and args[1] is Ellipsis)
        return f"list of {type_words(args[0])}" if endless else f"[{', '.join(type_words(arg) for arg in args)}]"
    if origin is dict:
        return "any keys" if args[1] in (str, object, Any) else f"name → {type_words(args[1])}"
    if is_noun(kind):
        return title(kind).lower()
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return ", ".join(f"`{member.value}`" for member in kind)
    if kind in (Any, object):
        return "anything"
    names = {str: "text", int: "whole number", float: "number", bool: "`true`, `false`"}
    return names.get(kind) or kind.__name__.lower()
