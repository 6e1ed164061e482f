"""JSON bodies, read the way that Toxiproxy (Go's `encoding/json`) reads them.

Unknown keys are ignored, keys match in any case and the last one wins, `null` leaves what was there, bytes that are no
UTF-8 become U+FFFD, what follows the first value is not looked at, and a wrong type is a 400. Public client libraries
rely on that.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable
from math import isfinite
from typing import NoReturn

from chaos.proxy.server.apierror import bad_body

INT64_MAX = 2**63 - 1


class Pairs(tuple[tuple[str, object], ...]):
    """One JSON object as it is written, in which a key may be there more than once."""


type_names = {str: "string", bool: "bool", Pairs: "object", list: "array", int: "number", float: "number"}


def float32(value: float) -> float:
    """The nearest number of 32 bits, which is what Toxiproxy keeps. Raises: OverflowError beyond 3.4e38."""
    return float(struct.unpack("<f", struct.pack("<f", value))[0])


class Fields:
    """The keys of one JSON object, with typed getters. Raises: ApiError 400 for a wrong type."""

    def __init__(self, pairs: Iterable[tuple[str, object]] = (), where: str = "") -> None:
        self._values: dict[str, object] = {}
        self._where = where
        for name, value in pairs:
            key = name.lower()
            before = self._values.get(key)
            if isinstance(before, Pairs) and isinstance(value, Pairs):
                self._values[key] = Pairs((*before, *value))
            elif value is not None:
                self._values[key] = value

    def text(self, key: str, default: str) -> str:
        value = self._values.get(key)
        if value is None:
            return default
        if not isinstance(value, str):
            return self._wrong(key, value, "string")
        # Half of a surrogate pair is no character.
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")

    def flag(self, key: str, default: bool) -> bool:
        value = self._values.get(key)
        if value is None:
            return default
        return value if isinstance(value, bool) else self._wrong(key, value, "bool")

    def integer(self, key: str, default: int) -> int:
        value = self._values.get(key)
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, int) or not -INT64_MAX - 1 <= value <= INT64_MAX:
            return self._wrong(key, value, "int64")
        return value

    def number(self, key: str, default: float) -> float:
        value = self._values.get(key)
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, int | float):
            return self._wrong(key, value, "float")
        try:
            # The parser turns 1e400 into infinity.
            return float(value) if isfinite(value) else self._wrong(key, value, "float")
        except OverflowError:
            return self._wrong(key, value, "float")

    def ratio(self, key: str, default: float) -> float:
        """A number of 32 bits."""
        try:
            return float32(self.number(key, default))
        except OverflowError:
            return self._wrong(key, self._values.get(key), "float32")

    def inner(self, key: str) -> Fields:
        value = self._values.get(key)
        if value is None:
            return Fields()
        if not isinstance(value, Pairs):
            return self._wrong(key, value, "object")
        return Fields(value, f"{self._where}{key}.")

    def has(self, key: str) -> bool:
        return self._values.get(key) is not None

    def _wrong(self, key: str, value: object, wanted: str) -> NoReturn:
        got = type_names.get(type(value), type(value).__name__)
        shown = f"{got} {value}" if got == "number" else got
        raise bad_body(f"json: cannot unmarshal {shown} into field {self._where}{key} of type {wanted}")


def _no_constant(name: str) -> NoReturn:
    raise bad_body(f"invalid character '{name[0]}' looking for beginning of value")


_decoder = json.JSONDecoder(parse_constant=_no_constant, object_pairs_hook=Pairs)


def _value(body: bytes) -> object:
    try:
        text = body.decode(errors="replace").lstrip(" \t\r\n")
        if not text:
            raise bad_body("EOF")
        value: object
        value, _ = _decoder.raw_decode(text)
    except (ValueError, RecursionError) as error:
        raise bad_body(str(error) or "too deeply nested") from error
    return value


def read_object(body: bytes) -> Fields:
    """One JSON object. Raises: ApiError 400."""
    value = _value(body)
    if value is None:
        return Fields()
    if not isinstance(value, Pairs):
        raise bad_body(f"json: cannot unmarshal {type_names.get(type(value), 'value')} into an object")
    return Fields(value)


def read_objects(body: bytes) -> list[Fields]:
    """A JSON array of objects. Raises: ApiError 400."""
    value = _value(body)
    if value is None:
        return []
    if not isinstance(value, list):
        raise bad_body(f"json: cannot unmarshal {type_names.get(type(value), 'value')} into an array of objects")
    for item in value:
        if item is not None and not isinstance(item, Pairs):
            raise bad_body(f"json: cannot unmarshal {type_names.get(type(item), 'value')} into an object")
    return [Fields(item or ()) for item in value]
