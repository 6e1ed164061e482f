"""What every noun of the model shares: frozen, keyword-only, and strict when read from JSON."""

from __future__ import annotations

import threading
from typing import Any, TypeVar, dataclass_transform

import msgspec

from chaos.units import dec_hook, enc_hook

T = TypeVar("T")


class _KeywordOnly(msgspec.StructMeta):
    """msgspec inherits `frozen`, but asks for `kw_only` on every class anew."""

    def __new__(mcs, name: str, bases: tuple[type, ...], namespace: dict[str, Any], **options: Any) -> Any:
        options.setdefault("kw_only", True)
        return super().__new__(mcs, name, bases, namespace, **options)


# The decorator tells type checkers what is done here: subclasses are frozen and keyword-only too.
@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(msgspec.field,))
class Noun(msgspec.Struct, metaclass=_KeywordOnly, frozen=True, forbid_unknown_fields=True):
    """A value: immutable, compared by content, refuses keys that it does not know."""


def to_json(value: Any) -> bytes:
    """A noun as JSON; quantities as numbers in base units. Keys keep their order, which means something in our files:
    two processes that number the steps of a target must number them alike."""
    return msgspec.json.encode(value, enc_hook=enc_hook)


def from_json(text: bytes | str, kind: type[T]) -> T:
    """The way back. Raises: msgspec.ValidationError when the text is not such a noun."""
    make_ready(kind)
    return msgspec.json.decode(text, type=kind, dec_hook=dec_hook)


def from_plain(value: Any, kind: type[T]) -> T:
    """The same from plain dicts, lists and scalars. Raises: msgspec.ValidationError."""
    make_ready(kind)
    return msgspec.convert(value, kind, dec_hook=dec_hook)


def make_ready(kind: Any) -> None:
    """msgspec learns a type at its first use, and crashes the whole process (a segmentation fault, in 0.22) when two
    threads use one for the first time at once: each type is learnt here, alone."""
    if kind not in _ready:
        with _learning:
            msgspec.json.Decoder(kind, dec_hook=dec_hook)
            _ready.add(kind)


_ready: set[Any] = set()
_learning = threading.RLock()


def to_plain(value: Any) -> Any:
    """A noun as plain dicts, lists, strings and numbers."""
    return msgspec.to_builtins(value, enc_hook=enc_hook)
