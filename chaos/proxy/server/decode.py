"""JSON bodies, read the way that Toxiproxy (Go's `encoding/json`) reads them.

Unknown keys are ignored, keys match in any case, `null` leaves the default, what follows the first value is not looked
at, and a wrong type is a 400. Public client libraries rely on that.
"""

from __future__ import annotations

import json
from typing import NoReturn

from chaos.proxy.server.apierror import bad_body

type_names = {str: "string", bool: "bool", dict: "object", list: "array", int: "number", float: "number"}

INT64_MAX = 2**63 - 1


class Fields:
    """The keys of one JSON object, with typed getters. Raises: ApiError 400 for a wrong type."""

    def __init__(self, values: dict[str, object], where: str = "") -> None:
        self._values = {key.lower(): value for key, value in values.items()}
        self._where = where

    def text(self, key: str, default: str) -> str:
        value = self._values.get(key)
        if value is None:
            return default
        return value if isinstance(value, str) else self._wrong(key, value, "string")

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
            return self._wrong(key, value, "float32")
        return float(value)

    def inner(self, key: str) -> Fields:
        value = self._values.get(key)
        if value is None:
            return Fields({})
        if not isinstance(value, dict):
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


_decoder = json.JSONDecoder(parse_constant=_no_constant)


def _value(body: bytes) -> object:
    try:
        text = body.decode().lstrip(" \t\r\n")
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
        return Fields({})
    if not isinstance(value, dict):
        raise bad_body(f"json: cannot unmarshal {type_names.get(type(value), 'value')} into an object")
    return Fields(value)


def read_objects(body: bytes) -> list[Fields]:
    """A JSON array of objects. Raises: ApiError 400."""
    value = _value(body)
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise bad_body(f"json: cannot unmarshal {type_names.get(type(value), 'value')} into an array of objects")
    return [Fields(item) for item in value]
