"""YAML 1.2's core scalars: `on`, `yes` and `1:30` are text, `017` is seventeen, `0o17` is fifteen."""

from __future__ import annotations

import math
import re

# YAML 1.2.2, section 10.3.2. PyYAML's own resolver follows YAML 1.1, where `on` is true and `1:30` is ninety.
_NULL = re.compile(r"null|Null|NULL|~|")
_TRUE = re.compile(r"true|True|TRUE")
_FALSE = re.compile(r"false|False|FALSE")
_INT = re.compile(r"[-+]?[0-9]+")
_OCTAL = re.compile(r"0o[0-7]+")
_HEX = re.compile(r"0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_INFINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")

# Past this a whole number is a mistake, and Python's own limit on converting digits is near.
_MOST_DIGITS = 100


def resolve(text: str) -> bool | int | float | str | None:
    """What a plain (unquoted) scalar means. Raises: ValueError for infinity, NaN and numbers out of range."""
    if _NULL.fullmatch(text):
        return None
    if _TRUE.fullmatch(text):
        return True
    if _FALSE.fullmatch(text):
        return False
    if _INT.fullmatch(text) or _OCTAL.fullmatch(text) or _HEX.fullmatch(text):
        if len(text) > _MOST_DIGITS:
            raise ValueError(f"a number of {len(text)} digits is too long")
        return int(text, 10 if _INT.fullmatch(text) else 0)
    if _INFINITE.fullmatch(text):
        raise ValueError(f"{text} is not a number that can be used here; put it in quotes if it is text")
    if _FLOAT.fullmatch(text):
        value = float(text)
        if not math.isfinite(value):
            raise ValueError(f"the number {text} is too large")
        return value
    return text
