"""The checks that parameters of several faults share. Every function raises ValueError with one plain sentence."""

from __future__ import annotations

from chaos.units import Bytes, Duration, Ratio

# 60 connections, the most that chaos.proxy.measure makes, all miss a tenth in 2 of 1,000 runs; of less they miss more.
TOXICITY_MIN = Ratio(0.1)
# Toxiproxy counts in whole milliseconds (slicer: microseconds), as signed 64-bit integers; a day is beyond any use.
DELAY_MAX = Duration(86400)
BYTES_MAX = Bytes(1e12)

ONE_MS = Duration(0.001)
ONE_BYTE = Bytes(1)


def toxicity(value: Ratio) -> None:
    """The share of connections that the toxic hits."""
    if not TOXICITY_MIN <= value <= 1:
        raise ValueError(
            f"toxicity is {value}; it must be between {TOXICITY_MIN} and 100%, so that it can be confirmed"
        )


def delay(name: str, value: Duration, *, least: Duration = ONE_MS) -> None:
    """A delay that the proxy can keep and a measurement can see."""
    if not least <= value <= DELAY_MAX:
        raise ValueError(f"{name} is {value}; it must be between {least} and {DELAY_MAX}")


def size(name: str, value: Bytes, *, least: Bytes = ONE_BYTE, most: Bytes = BYTES_MAX) -> None:
    """A whole number of bytes."""
    if not least <= value <= most or not float(value).is_integer():
        span = f"between {least} and {most}" if most < BYTES_MAX else f"at least {least}"
        raise ValueError(f"{name} is {value}; it must be a whole number of bytes, {span}")
