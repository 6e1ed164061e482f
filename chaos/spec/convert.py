"""From a marked node to a value of a declared type, strictly, with errors that name the line and the nearest word.

The annotations are the format: quantities are read with `parse`, nouns from mappings with `-` for `_` in their keys.
Nothing is coerced: `8080` is not text, `"8080"` is not a number.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable
from enum import StrEnum
from typing import Any, Literal, TypeVar, get_args, get_origin

import msgspec

from chaos.errors import CUTOFF, nearest
from chaos.model.base import Noun
from chaos.spec.keys import Key, choices, is_noun, keys_of, strip
from chaos.spec.marked import Node, plain
from chaos.spec.problems import Bad, Problems
from chaos.units import Quantity

N = TypeVar("N", bound=Noun)

# So many unknown keys of one mapping are named; the rest is counted. It is another sort of file then.
STRANGERS_MAX = 10


def convert(node: Node, kind: Any, where: str, problems: Problems) -> Any:
    """The value. Raises: Bad, after everything that is wrong below this node has been reported."""
    kind, metas = strip(kind)
    members = choices(kind)
    if len(members) > 1:
        value = _union(node, members, where, problems)
    elif members[0] is not kind:
        value = convert(node, members[0], where, problems)  # what is left of `X | None` may be annotated itself
    else:
        for meta in metas if kind is str and isinstance(node.value, int | float) else ():
            _has_form(node, node.text, meta, where, problems)  # else "in quotes it is text", and then that is wrong
        value = _one(node, kind, where, problems)
    for meta in metas:
        _constrain(node, value, meta, where, problems)
    return value


def convert_noun(node: Node, noun: type[N], where: str, problems: Problems, *, known: tuple[str, ...] = ()) -> N:
    """A noun from a mapping. `known` are further keys that someone else reads. Raises: Bad."""
    if not node.is_mapping:
        words = ", ".join((*known, *keys_of(noun)))
        problems.fail(node, where, f"expected a mapping with the keys {words}; got {node}")
    keys = keys_of(noun)
    values: dict[str, Any] = {}
    meant: set[str] = set()
    strangers = [word for word, _ in node.items() if word not in keys and word not in known]
    for word in strangers[:STRANGERS_MAX]:
        problems.report(node.place_of(word), where, unknown("key", word, (*known, *keys)))
        meant.update(difflib.get_close_matches(word, (*known, *keys), n=1, cutoff=CUTOFF))
    if len(strangers) > STRANGERS_MAX:
        problems.report(node, where, f"{len(strangers) - STRANGERS_MAX} more unknown keys")
    bad = bool(strangers)
    for word, child in node.items():
        inner = f"{where}.{word}" if where else word
        if word not in keys or word in known:
            continue
        try:
            values[keys[word].name] = convert(child, keys[word].kind, inner, problems)
        except Bad:
            bad = True
    # A misspelt key is one mistake, not a key too many and one too few.
    missing = _missing(keys, node)
    for word in missing:
        if word not in meant:
            problems.report(node, where, f"missing key '{word}'")
    if bad or missing:
        raise Bad
    try:
        return noun(**values)
    except (ValueError, TypeError) as error:
        problems.fail(node, where, str(error))


def unknown(what: str, word: str, known: tuple[str, ...] | list[str]) -> str:
    """`unknown key 'dealy'. Did you mean 'delay'? Known: ...`"""
    return f"unknown {what} '{word}'.{nearest(word, known)}"


def _missing(keys: dict[str, Key], node: Node) -> list[str]:
    return [key.word for key in keys.values() if key.required and key.word not in node.value]


def _one(node: Node, kind: Any, where: str, problems: Problems) -> Any:
    origin = get_origin(kind)
    if kind is Any or kind is object:
        return plain(node)
    if node.value is None:
        problems.fail(node, where, f"has no value; expected {describe(kind)}, or leave the key out")
    if origin is Literal:
        return _word(node, [str(choice) for choice in get_args(kind)], where, problems)
    if origin in (tuple, list):
        return _sequence(node, kind, where, problems)
    if origin is dict:
        return _mapping(node, get_args(kind)[1], where, problems)
    if is_noun(kind):
        return convert_noun(node, kind, where, problems)
    if issubclass(kind, StrEnum):
        return kind(_word(node, [member.value for member in kind], where, problems))
    if issubclass(kind, Quantity):
        return _quantity(node, kind, where, problems)
    return _scalar(node, kind, where, problems)


def _union(node: Node, members: tuple[Any, ...], where: str, problems: Problems) -> Any:
    """The first member that this sort of node can be; a word is a word, a mapping is a noun, a list is a tuple."""
    for member in members:
        if _sort_fits(node, member):
            return convert(node, member, where, problems)
    problems.fail(node, where, f"expected {' or '.join(describe(member) for member in members)}; got {node}")


def _sort_fits(node: Node, kind: Any) -> bool:
    kind, _ = strip(kind)
    origin = get_origin(kind)
    if is_noun(kind) or origin is dict:
        return node.is_mapping
    if origin in (tuple, list):
        return node.is_list
    if kind is bool or kind is int:
        return type(node.value) is kind
    if kind is float:
        return isinstance(node.value, int | float) and not isinstance(node.value, bool)
    return isinstance(node.value, str)


def _sequence(node: Node, kind: Any, where: str, problems: Problems) -> Any:
    args = get_args(kind)
    if not node.is_list:
        problems.fail(node, where, f"expected a list of {describe(args[0], many=True)}; got {node}")
    elements = node.elements()
    endless = get_origin(kind) is list or (len(args) == 2 and args[1] is Ellipsis)
    kinds = [args[0]] * len(elements) if endless else list(args)
    if len(kinds) != len(elements):
        problems.fail(node, where, f"expected a list of {len(kinds)}; got {len(elements)}")
    out, bad = [], False
    for index, (element, inner) in enumerate(zip(elements, kinds, strict=True)):
        try:
            out.append(convert(element, inner, f"{where}[{index}]", problems))
        except Bad:
            bad = True
    if bad:
        raise Bad
    return out if get_origin(kind) is list else tuple(out)


def _mapping(node: Node, inner: Any, where: str, problems: Problems) -> dict[str, Any]:
    if not node.is_mapping:
        problems.fail(node, where, f"expected a mapping; got {node}")
    out, bad = {}, False
    for word, child in node.items():
        try:
            out[word] = convert(child, inner, f"{where}.{word}", problems)
        except Bad:
            bad = True
    if bad:
        raise Bad
    return out


def _word(node: Node, allowed: list[str], where: str, problems: Problems) -> str:
    if isinstance(node.value, str) and node.value in allowed:
        return node.value
    if isinstance(node.value, str):
        problems.fail(node, where, f"{node} is not one of them.{nearest(node.value, allowed)}")
    problems.fail(node, where, f"expected one of {', '.join(allowed)}; got {node}")


def _quantity(node: Node, kind: type[Quantity], where: str, problems: Problems) -> Quantity:
    if isinstance(node.value, dict | tuple | bool):
        problems.fail(node, where, f"expected {describe(kind)}; got {node}")
    try:
        return kind.parse(node.text)
    except (ValueError, OverflowError) as error:
        problems.fail(node, where, str(error))


def _scalar(node: Node, kind: Any, where: str, problems: Problems) -> Any:
    value = node.value
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if type(value) is kind:
        return value
    scalar = not node.is_list and not node.is_mapping
    hint = f'; in quotes it is text: "{node.text}"' if kind is str and scalar else ""
    problems.fail(node, where, f"expected {describe(kind)}; got {node}{hint}")


def _constrain(node: Node, value: Any, meta: msgspec.Meta, where: str, problems: Problems) -> None:
    """Raises: Bad."""
    checks: tuple[tuple[Any, Callable[[Any], bool], str], ...] = (
        (meta.ge, lambda limit: value >= limit, "at least {}"),
        (meta.gt, lambda limit: value > limit, "more than {}"),
        (meta.le, lambda limit: value <= limit, "at most {}"),
        (meta.lt, lambda limit: value < limit, "less than {}"),
        (meta.min_length, lambda limit: len(value) >= limit, "not empty" if meta.min_length == 1 else "{} or longer"),
        (meta.max_length, lambda limit: len(value) <= limit, "{} long or shorter"),
    )
    for limit, holds, words in checks:
        if limit is not None and not holds(limit):
            as_written = type(value)(limit) if isinstance(value, Quantity) else limit
            problems.fail(node, where, f"must be {words.format(as_written)}; got {node}")
    if isinstance(value, str):
        _has_form(node, value, meta, where, problems)


def _has_form(node: Node, text: str, meta: msgspec.Meta, where: str, problems: Problems) -> None:
    """Raises: Bad."""
    if meta.pattern is not None and not re.search(meta.pattern, text):
        form = f"of {', '.join(map(str, meta.examples))}" if meta.examples else meta.pattern
        problems.fail(node, where, f"{node} does not have the form {form}")


_NAMES: dict[Any, tuple[str, str]] = {
    str: ("text", "texts"),
    int: ("a whole number", "whole numbers"),
    float: ("a number", "numbers"),
    bool: ("true or false", "true or false"),
    object: ("any value", "values"),
    Any: ("any value", "values"),
}


def describe(kind: Any, *, many: bool = False) -> str:
    """A type in words: `a duration such as 300ms, 2s, 5m or 1h`."""
    kind, _ = strip(kind)
    members = choices(kind)
    if len(members) > 1:
        return " or ".join(describe(member, many=many) for member in members)
    kind = members[0]
    origin = get_origin(kind)
    if origin is Literal:
        return "one of " + ", ".join(str(choice) for choice in get_args(kind))
    if origin in (tuple, list):
        return f"{'lists' if many else 'a list'} of {describe(get_args(kind)[0], many=True)}"
    if origin is dict or is_noun(kind):
        return "mappings" if many else "a mapping"
    if kind in _NAMES:
        return _NAMES[kind][many]
    if isinstance(kind, type) and issubclass(kind, Quantity):
        name = kind.__name__.lower()
        return f"{name}s" if many else f"a {name} such as {kind.EXAMPLES}"
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return "one of " + ", ".join(member.value for member in kind)
    return "values" if many else "a value"
