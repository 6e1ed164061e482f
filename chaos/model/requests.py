"""Every request of a run, as columns. Packed in a few bytes each, so that a later judge needs no new run."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from enum import IntEnum
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray


class Failure(IntEnum):
    """Why there was no answer, or a bad one."""

    NONE = 0
    STATUS = 1  # answered, and not as the step expects
    REFUSED = 2
    RESET = 3
    PATIENCE = 4  # the customer gave up
    OTHER = 5
    UNFINISHED = 6  # still under way when the run ended, younger than the customer's patience: counts neither way


# Column -> the type it has in memory.
COLUMNS: dict[str, str] = {
    "start_us": "i8",  # intended start, microseconds since the run's start
    "latency_us": "i8",  # from the intended start to the last byte, or to giving up
    "lag_us": "i8",  # sent later than intended: the generator's own delay
    "step": "i4",
    "status": "i4",  # HTTP status; 0: no answer
    "failure": "i4",
    "instance": "i4",  # who answered; 0: unknown
    "journey": "i4",
    "customer": "i8",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Requests:
    """Columns of equal length, in no particular order; `steps`, `instances`, `journeys` name the numbers in them."""

    start_us: NDArray[np.int64]
    latency_us: NDArray[np.int64]
    lag_us: NDArray[np.int64]
    step: NDArray[np.int32]
    status: NDArray[np.int32]
    failure: NDArray[np.int32]
    instance: NDArray[np.int32]
    journey: NDArray[np.int32]
    customer: NDArray[np.int64]
    steps: tuple[str, ...] = ()
    instances: tuple[str, ...] = ("",)
    journeys: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.start_us)

    def only(self, chosen: NDArray[np.bool_] | NDArray[np.int64] | slice) -> Requests:
        """The rows that a mask, an index array or a slice chooses."""
        columns: dict[str, Any] = {name: getattr(self, name)[chosen] for name in COLUMNS}
        return Requests(
            **columns,
            steps=self.steps, instances=self.instances, journeys=self.journeys,
        )  # fmt: skip

    def by_start(self) -> Requests:
        """Sorted by intended start; itself where it is."""
        if bool((self.start_us[1:] >= self.start_us[:-1]).all()):
            return self
        return self.only(np.argsort(self.start_us, kind="stable"))

    @classmethod
    def empty(
        cls, steps: Sequence[str] = (), journeys: Sequence[str] = (), instances: Sequence[str] = ("",)
    ) -> Requests:
        columns: dict[str, Any] = {name: np.zeros(0, kind) for name, kind in COLUMNS.items()}
        return cls(
            **columns,
            steps=tuple(steps), journeys=tuple(journeys), instances=tuple(instances),
        )  # fmt: skip

    @classmethod
    def of(
        cls,
        rows: Iterable[Sequence[int]],
        steps: Sequence[str],
        journeys: Sequence[str],
        instances: Sequence[str],
    ) -> Requests:
        """From rows whose numbers are in the order of `COLUMNS`."""
        table = np.array(list(rows), dtype="i8").reshape(-1, len(COLUMNS))
        columns: dict[str, Any] = {name: table[:, i].astype(kind) for i, (name, kind) in enumerate(COLUMNS.items())}
        return cls(**columns, steps=tuple(steps), journeys=tuple(journeys), instances=tuple(instances))

    @classmethod
    def join(cls, parts: Sequence[Requests]) -> Requests:
        """One after the other. The parts' name lists must be prefixes of the longest (names are only ever appended)."""
        if not parts:
            return cls.empty()
        longest = {f: max((getattr(p, f) for p in parts), key=len) for f in ("steps", "instances", "journeys")}
        for part in parts:
            for name, names in longest.items():
                if names[: len(getattr(part, name))] != getattr(part, name):
                    raise ValueError(f"chunks of different runs: {name} differ")
        columns: dict[str, Any] = {name: np.concatenate([getattr(p, name) for p in parts]) for name in COLUMNS}
        return cls(**columns, **longest)


def pack(requests: Requests) -> bytes:
    """A chunk: sorted by intended start, delta coded, each column in its smallest type, bytes shuffled, deflated."""
    order = np.argsort(requests.start_us, kind="stable")
    head: dict[str, object] = {f.name: getattr(requests, f.name) for f in fields(requests) if f.name not in COLUMNS}
    blobs, kinds = [], []
    for name in COLUMNS:
        column = getattr(requests, name)[order].astype("i8")
        if name == "start_us":
            column = np.diff(column, prepend=0)
        low, high = (int(column.min()), int(column.max())) if len(column) else (0, 0)
        kind = next(k for k in ("i1", "i2", "i4", "i8") if np.iinfo(k).min <= low and high <= np.iinfo(k).max)
        blobs.append(column.astype(f"<{kind}").view("u1").reshape(len(column), np.dtype(kind).itemsize).T.tobytes())
        kinds.append(kind)
    head |= {"n": len(requests), "kinds": kinds, "version": 1}
    header = msgspec.json.encode(head)
    return zlib.compress(len(header).to_bytes(4, "little") + header + b"".join(blobs), 6)


def unpack(chunk: bytes) -> Requests:
    """The way back. Raises: ValueError when the chunk is damaged."""
    try:
        raw = zlib.decompress(chunk)
        size = int.from_bytes(raw[:4], "little")
        head = msgspec.json.decode(raw[4 : 4 + size])
        at, n = 4 + size, int(head["n"])
        columns: dict[str, Any] = {}
        for (name, kind), stored in zip(COLUMNS.items(), head["kinds"], strict=True):
            width = np.dtype(stored).itemsize
            block = np.frombuffer(raw, "u1", count=n * width, offset=at).reshape(width, n)
            column = np.ascontiguousarray(block.T).view(f"<{stored}").reshape(n).astype("i8")
            columns[name] = (np.cumsum(column) if name == "start_us" else column).astype(kind)
            at += n * width
    except (zlib.error, KeyError, IndexError, StopIteration, msgspec.DecodeError, ValueError) as cause:
        raise ValueError(f"a damaged chunk of requests: {cause}") from cause
    return Requests(
        **columns, steps=tuple(head["steps"]), instances=tuple(head["instances"]), journeys=tuple(head["journeys"])
    )
