"""What a run begins with: its options, its id, a clean ledger, and its faults as objects."""

from __future__ import annotations

import os
import platform as machine
import secrets
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chaos import __version__
from chaos.engine.ledger import Ledger
from chaos.engine.lock import holders
from chaos.errors import Refused, RevertFailed
from chaos.model.plan import Plan
from chaos.rehearsal.production import Arming

if TYPE_CHECKING:
    from chaos.model.target import Target


@dataclass(kw_only=True)
class Options:
    """What the command line says beyond the files. `seed` None: a new one, recorded. `arming` is what was
    given to arm a production target."""

    variant: str
    platform: str | None = None  # None: wherever the target is up, else its first
    profile: str | None = None
    seed: int | None = None
    store: str = ""
    keep_up: bool = False
    allow_undecidable: bool = False
    ignore_budget: bool = False
    arming: Arming = field(default_factory=Arming)
    engine: str = "direct"  # what speaks HTTP for the customers: `chaos.load.ENGINE_NAMES`
    generators: int | None = None  # processes that send them; None: as many as the rate takes
    command: tuple[str, ...] = field(default_factory=lambda: tuple(sys.argv))


def new_run_id() -> str:
    """Sortable by time, short enough to type the beginning of."""
    return f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"


def refuse_open_ledger(ledger: Ledger, locks: Path) -> None:
    """Raises: Refused when a dead run may have left faults in place, RevertFailed when nobody can tell. The faults of a
    run that is under way on another target are its own."""
    damaged = ledger.damaged()
    if damaged:
        raise RevertFailed(damaged[0])
    under_way = {holder.run for holder in holders(locks)}
    entries = [entry for entry in ledger.entries() if entry.run not in under_way]
    if entries:
        first = entries[0]
        raise Refused(
            f"{len(entries)} fault(s) of run {first.run} may still be in place ({first.text or first.undo.kind}, "
            f"{first.place}); revert them first with: saleproof recover"
        )


def invariant_environment(target: Target) -> dict[str, str]:
    """Ours, and the folder that holds the target's own package, so that `python -m targets.shop.invariants` works."""
    return {**os.environ, "PYTHONPATH": str(Path(target.path).resolve().parents[1])}


def planned_faults(plan: Plan) -> dict[str, Any]:
    """The faults of a plan as the objects that inject, made from the plan's plain data."""
    from chaos.faults import FAULTS
    from chaos.model.base import from_plain

    return {fault.id: from_plain(fault.fault, FAULTS[fault.kind]) for step in plan.steps for fault in step.faults}


def versions() -> dict[str, str]:
    """What this run was made with, for the record."""
    from importlib.metadata import version

    found = {"saleproof": __version__, "python": machine.python_version(), "kernel": machine.release()}
    return found | {name: version(name) for name in ("chaostoolkit-lib", "toxiproxy-python", "aiohttp")}
