"""What the keys of a noun are, read from its annotations: for the converter, the JSON Schema and the reference."""

from __future__ import annotations

import ast
import inspect
import io
import textwrap
import tokenize
from dataclasses import dataclass
from functools import cache
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

import msgspec

from chaos.model.base import Noun


@dataclass(frozen=True, kw_only=True, slots=True)
class Key:
    """One key of a mapping: the word in the file, the field's name, its type, and whether it must be there."""

    word: str
    name: str
    kind: Any
    required: bool
    default: Any = None


@cache
def keys_of(noun: type[Noun]) -> dict[str, Key]:
    """The keys by their words, `-` for `_`; a field that msgspec renames has that name (`for` is a Python keyword)."""
    keys = {}
    for field in msgspec.structs.fields(noun):
        word = field.encode_name if field.encode_name != field.name else field.name.replace("_", "-")
        default = None if field.required else field.default
        if field.default_factory is not msgspec.NODEFAULT:
            default = field.default_factory()
        keys[word] = Key(word=word, name=field.name, kind=field.type, required=field.required, default=default)
    return keys


def is_noun(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Noun)


def strip(kind: Any) -> tuple[Any, tuple[msgspec.Meta, ...]]:
    """A type without its `Annotated`, and the constraints that were in there."""
    if get_origin(kind) is Annotated:
        inner, *extras = get_args(kind)
        return inner, tuple(extra for extra in extras if isinstance(extra, msgspec.Meta))
    return kind, ()


def choices(kind: Any) -> tuple[Any, ...]:
    """The members of a union, None left out; the type alone when it is no union."""
    if get_origin(kind) in (Union, UnionType):
        return tuple(member for member in get_args(kind) if member is not type(None))
    return (kind,)


def first_line(noun: type) -> str:
    """The first paragraph of a docstring, as one line."""
    return " ".join((inspect.getdoc(noun) or "").split("\n\n")[0].split())


@cache
def descriptions(noun: type[Noun]) -> dict[str, str]:
    """What each key means: its `Meta(description=...)`, or else the comment behind the field in the source."""
    found: dict[str, str] = {}
    for base in reversed([base for base in noun.__mro__ if base is not Noun and is_noun(base)]):
        found |= _comments(base)
    for key in keys_of(noun).values():
        described = [meta.description for meta in strip(key.kind)[1] if meta.description]
        if described:
            found[key.name] = described[0]
    return {key.word: found[key.name] for key in keys_of(noun).values() if key.name in found}


def _comments(noun: type) -> dict[str, str]:
    """Field name -> trailing comment. Nothing where the source is not at hand."""
    try:
        source = textwrap.dedent(inspect.getsource(noun))
        body = ast.parse(source).body[0]
        tokens = list(tokenize.generate_tokens(io.StringIO(source).readline))
    except (OSError, TypeError, SyntaxError, tokenize.TokenError):
        return {}
    by_line = {token.start[0]: token.string for token in tokens if token.type == tokenize.COMMENT}
    fields = body.body if isinstance(body, ast.ClassDef) else []
    return {
        field.target.id: by_line[field.end_lineno].lstrip("# ").strip()
        for field in fields
        if isinstance(field, ast.AnnAssign)
        and isinstance(field.target, ast.Name)
        and field.end_lineno in by_line
        and not by_line[field.end_lineno].startswith(("# type:", "# noqa", "# fmt"))
    }
