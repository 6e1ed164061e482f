"""What the runner and the generator say to each other: messages of msgpack, each with its length before it.

The runner's orders are JSON lines, so that a person can send one by hand too.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from typing import Final

import msgspec

from chaos.model.base import Noun, make_ready
from chaos.model.lease import Renewal
from chaos.model.target import Traffic
from chaos.units import dec_hook, enc_hook

# A generator reports so often, empty or not, in seconds; one that has said nothing for so long is taken as broken:
# nobody knows then whether anybody measures, and a guard must not guess.
REPORT_S: Final = 0.25
SILENT_S: Final = 5.0

# Numbers in one row of `Report.started`: request, intended start in us, step, journey, customer.
STARTED_WIDTH: Final = 5

_LENGTH = struct.Struct("<I")
# No report is near this; a longer one is a broken stream.
_LONGEST: Final = 1 << 28


class Config(Noun):
    """All that a generator needs. Times are CLOCK_MONOTONIC seconds, which every process of a machine shares."""

    traffic: Traffic
    base_url: str
    times: float = 1.0  # the profile's multiple of the normal rate
    seed: int
    t0_s: float  # the run's zero
    control: str  # path of the unix socket to listen on
    shard: int = 0  # of `shards`; each takes an equal part of the rate and customers of its own
    shards: int = 1
    engine: str = "direct"


class Order(Noun):
    """To the generator; without a field set, it only asks for the current multiplier. `lease` with a `ttl_s` makes or
    renews a lease; `multiply` under one that is held goes back to 1 when that ends; `release` gives it back."""

    multiply: float | None = None
    lease: str = ""
    ttl_s: float = 0.0
    release: bool = False
    stop: bool = False
    drain_s: float = 0.0


class Answer(Noun):
    """To whoever sent an order over the control socket."""

    multiplier: float
    arrived: int = 0  # customers so far
    per_s: float = 0.0  # customers a second at a multiplier of 1
    lease: Renewal | None = None  # what became of one that was to be renewed
    error: str = ""


class Hello(Noun, tag="hello"):
    """The generator is ready and its first customer is due from now on."""

    pid: int
    at_us: int
    customers_max: int  # as many at the same time as there are open files for


class Report(Noun, tag="report"):
    """What happened since the last one. `rows` are int64 numbers, one row a finished request in the order of
    `chaos.model.requests.COLUMNS`; `ended` are the ids among them that an earlier report announced as started."""

    at_us: int
    rows: bytes = b""
    started: bytes = b""  # requests that are still under way, in rows of STARTED_WIDTH
    ended: bytes = b""
    instances: tuple[str, ...] = ()  # new names, to be appended
    acknowledged: tuple[str, ...] = ()
    arrived: int = 0  # customers so far
    customers: int = 0  # under way now
    in_flight: int = 0  # requests under way now
    dropped: int = 0  # customers who were due since the last report and could not be sent
    why_dropped: str = ""
    multiplier: float = 1.0


class Goodbye(Noun, tag="goodbye"):
    """The last message. `reason` is empty when it was told to stop."""

    at_us: int
    reason: str = ""


Message = Hello | Report | Goodbye

make_ready(Message)
_ENCODER = msgspec.msgpack.Encoder(enc_hook=enc_hook)
_DECODER = msgspec.msgpack.Decoder(Message, dec_hook=dec_hook)


def encode(message: Message) -> bytes:
    """One message as it goes over the pipe."""
    body = _ENCODER.encode(message)
    return _LENGTH.pack(len(body)) + body


def decode(read: Callable[[int], bytes]) -> Iterator[Message]:
    """Messages until the stream ends. `read(n)` returns n bytes, fewer only at the end.
    Raises: ValueError when the stream is damaged or ends inside a message."""
    while head := read(_LENGTH.size):
        if len(head) < _LENGTH.size:
            raise ValueError("the generator's stream ended inside a message")
        (size,) = _LENGTH.unpack(head)
        if size > _LONGEST:
            raise ValueError(f"the generator's stream is damaged: a message of {size} bytes")
        body = read(size)
        if len(body) < size:
            raise ValueError("the generator's stream ended inside a message")
        try:
            yield _DECODER.decode(body)
        except msgspec.MsgspecError as cause:
            raise ValueError(f"the generator's stream is damaged: {cause}") from cause
