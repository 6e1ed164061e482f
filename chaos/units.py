"""Quantities with units: Duration, Ratio, Bytes, Rate. Files must write the unit; numbers inside are in base units."""

from __future__ import annotations

import re
from typing import Any, ClassVar, Self

_NUMBER = r"(?P<number>\d+(?:\.\d+)?)"


class Quantity(float):
    """A number in the base unit of its kind. `parse` reads what a person writes; `str` writes what `parse` reads.

    Raises: ValueError with one sentence that says what was expected.
    """

    EXAMPLES: ClassVar[str] = ""
    PATTERN: ClassVar[str] = ""
    SCALE: ClassVar[dict[str, float]] = {}

    @classmethod
    def parse(cls, text: object) -> Self:
        found = re.fullmatch(cls.PATTERN, text.strip()) if isinstance(text, str) else None
        if found is None:
            raise ValueError(
                f"{text!r} is not a {cls.__name__.lower()}; write it with its unit, for example {cls.EXAMPLES}"
            )
        return cls(float(found["number"]) * cls.SCALE[found["unit"]])

    def __repr__(self) -> str:
        return f"{type(self).__name__}({float(self)!r})"


class Duration(Quantity):
    """Seconds. Written `250us`, `300ms`, `2s`, `1.5m`, `2h`, `30d`."""

    EXAMPLES = "300ms, 2s, 5m or 1h"
    PATTERN = rf"{_NUMBER}\s*(?P<unit>us|ms|s|m|h|d)"
    SCALE: ClassVar[dict[str, float]] = {
        "us": 1e-6,
        "ms": 1e-3,
        "s": 1.0,
        "m": 60.0,
        "h": 3600.0,
        "d": 86400.0,
    }

    @property
    def ms(self) -> float:
        return float(self) * 1000.0

    def __str__(self) -> str:
        if not self:
            return "0s"
        for unit in ("d", "h", "m", "s"):
            scaled = float(self) / self.SCALE[unit]
            if scaled >= 1 and abs(scaled - round(scaled)) < 1e-9:
                return f"{round(scaled)}{unit}"
        if self >= 1:
            return f"{float(self):.3g}s"
        return f"{float(self) * 1e3:.4g}ms" if self >= 1e-3 else f"{float(self) * 1e6:.4g}us"


class Ratio(Quantity):
    """A share between 0 and 1. Written `99.9%` or `1/3`."""

    EXAMPLES = "99.9% or 1/3"
    PATTERN = rf"{_NUMBER}\s*%|(?P<above>\d+)\s*/\s*(?P<below>\d+)"

    @classmethod
    def parse(cls, text: object) -> Self:
        found = re.fullmatch(cls.PATTERN, text.strip()) if isinstance(text, str) else None
        if found is not None and found["number"] is not None:
            value = float(found["number"]) / 100.0
        elif found is not None and int(found["below"]) > 0:
            value = int(found["above"]) / int(found["below"])
        else:
            raise ValueError(f"{text!r} is not a ratio; write it as {cls.EXAMPLES}")
        if not 0.0 <= value <= 1.0:
            raise ValueError(f"{text!r} is not between 0% and 100%")
        return cls(value)

    def __str__(self) -> str:
        return f"{float(self) * 100:.6g}%"


class Bytes(Quantity):
    """Bytes. Written `64B`, `10KB`, `1MB` (powers of 1,000) or `1KiB`, `1MiB` (powers of 1,024)."""

    EXAMPLES = "64B, 10KB or 1MiB"
    PATTERN = rf"{_NUMBER}\s*(?P<unit>B|KB|MB|GB|KiB|MiB|GiB)"
    SCALE: ClassVar[dict[str, float]] = {
        "B": 1, "KB": 1e3, "MB": 1e6, "GB": 1e9, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30,
    }  # fmt: skip

    def __str__(self) -> str:
        for unit in ("GB", "MB", "KB"):
            if self >= self.SCALE[unit] and float(self) % self.SCALE[unit] == 0:
                return f"{float(self) / self.SCALE[unit]:g}{unit}"
        return f"{float(self):g}B"


class Rate(Quantity):
    """Per second. Written `25/s` or `1500/m`."""

    EXAMPLES = "25/s or 1500/m"
    PATTERN = rf"{_NUMBER}\s*/\s*(?P<unit>s|m|h)"
    SCALE: ClassVar[dict[str, float]] = {"s": 1.0, "m": 1 / 60, "h": 1 / 3600}

    def __str__(self) -> str:
        return f"{float(self):.4g}/s"


QUANTITIES: tuple[type[Quantity], ...] = (Duration, Ratio, Bytes, Rate)


def enc_hook(value: Any) -> Any:
    """For msgspec: a quantity travels as a plain number in its base unit."""
    if isinstance(value, Quantity):
        return float(value)
    raise NotImplementedError(f"cannot write a {type(value).__name__}")


def dec_hook(kind: type, value: Any) -> Any:
    """For msgspec: the way back from `enc_hook`."""
    if isinstance(kind, type) and issubclass(kind, Quantity):
        return kind(value)
    raise NotImplementedError(f"cannot read a {kind}")
