"""The registry of faults: one small file each, one line here."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgspec

from chaos.errors import Unavailable
from chaos.faults.bandwidth import Bandwidth
from chaos.faults.command import Command
from chaos.faults.corrupt import Corrupt
from chaos.faults.cpu import Cpu
from chaos.faults.cpu_pressure import CpuPressure
from chaos.faults.crash import Crash
from chaos.faults.disk_full import DiskFull
from chaos.faults.dns import Dns
from chaos.faults.down import Down
from chaos.faults.duplicate import Duplicate
from chaos.faults.http import Http
from chaos.faults.isolate import Isolate
from chaos.faults.kill import Kill
from chaos.faults.latency import Latency
from chaos.faults.limit_data import LimitData
from chaos.faults.loss import Loss
from chaos.faults.memory import Memory
from chaos.faults.memory_pressure import MemoryPressure
from chaos.faults.oom import Oom
from chaos.faults.partition import Partition
from chaos.faults.pause import Pause
from chaos.faults.placebo import Placebo
from chaos.faults.rate import Rate
from chaos.faults.reorder import Reorder
from chaos.faults.reset import Reset
from chaos.faults.restart import Restart
from chaos.faults.shared.lease import Holder
from chaos.faults.slicer import Slicer
from chaos.faults.slow_close import SlowClose
from chaos.faults.slow_disk import SlowDisk
from chaos.faults.stop import Stop
from chaos.faults.surge import Surge
from chaos.faults.timeout import Timeout
from chaos.model.fault import Undo

FAULTS: dict[str, type[Any]] = {
    "latency": Latency,
    "bandwidth": Bandwidth,
    "timeout": Timeout,
    "down": Down,
    "reset": Reset,
    "slow-close": SlowClose,
    "slicer": Slicer,
    "limit-data": LimitData,
    "partition": Partition,
    "crash": Crash,
    "kill": Kill,
    "stop": Stop,
    "restart": Restart,
    "pause": Pause,
    "isolate": Isolate,
    "loss": Loss,
    "rate": Rate,
    "corrupt": Corrupt,
    "duplicate": Duplicate,
    "reorder": Reorder,
    "dns": Dns,
    "cpu": Cpu,
    "cpu-pressure": CpuPressure,
    "memory": Memory,
    "memory-pressure": MemoryPressure,
    "oom": Oom,
    "disk-full": DiskFull,
    "slow-disk": SlowDisk,
    "surge": Surge,
    "placebo": Placebo,
    "command": Command,
    "http": Http,
}


@contextmanager
def _kind(undo: Undo) -> Iterator[type[Any]]:
    """Raises: Unavailable for a record of another version of ours, which must not keep other faults in place."""
    try:
        if undo.kind not in FAULTS:
            raise Unavailable(f"{undo.kind} on {undo.where}: this version of Saleproof has no such fault")
        yield FAULTS[undo.kind]
    except msgspec.MsgspecError as cause:
        raise Unavailable(
            f"{undo.kind} on {undo.where}: this version of Saleproof does not understand the fault's record ({cause}); "
            "recover with the one that wrote it, or remove the fault by hand and then its file in the ledger"
        ) from cause


def holder(undo: Undo) -> Holder | None:
    """Who keeps this fault's lease where the target lives; None for what users bring themselves, and where the record
    is not understood: to revert it says so."""
    try:
        with _kind(undo) as kind:
            find = getattr(kind, "holder", None)
            found: Holder | None = find(undo) if find is not None else None
            return found
    except Unavailable:
        return None


def revert(undo: Undo) -> None:
    """Take one fault back, from its record alone. Idempotent. Raises: RevertFailed, Unavailable."""
    with _kind(undo) as kind:
        kind.revert(undo)


def told_apart(undo: Undo) -> bool:
    """Is what `is_present` sees this very fault, whatever others put at the same place since?"""
    return bool(getattr(FAULTS[undo.kind], "told_apart", True))


def is_present(undo: Undo) -> bool:
    """Is that fault still in place? Raises: Unavailable when it cannot tell."""
    with _kind(undo) as kind:
        return bool(kind.is_present(undo))
