"""All checks, for `saleproof doctor`."""

from __future__ import annotations

from pathlib import Path

import msgspec

from chaos.errors import SaleproofError
from chaos.model.target import Target
from chaos.preflight import disk, machine, sources, standing
from chaos.preflight.finding import Finding, Level, ok, problem, warning
from chaos.preflight.target import links, services


def examine(state: Path, store: str, target: Target | None, wanted: str | None = None) -> tuple[Finding, ...]:
    """In the order of the causes: what stands first explains what follows. Disturbs nothing."""
    return (
        machine.python(),
        machine.system(),
        machine.clock(),
        machine.open_files(),
        disk.state_folder(state),
        *disk.disks(state, store),
        disk.store_opens(store),
        standing.halted(state),
        standing.ledger(state),
        *(of_target(state, target, wanted) if target is not None else ()),
    )


def of_target(state: Path, target: Target, wanted: str | None = None) -> tuple[Finding, ...]:
    from chaos import platforms

    try:
        there = tuple(standing.halted_there(one) for one in platforms.stations(target, wanted))
        platform = platforms.attach(target, wanted)
        if platform is None:
            unseen = platforms.unseen(target, wanted)
            if unseen and wanted:
                return (problem("target", unseen, "start it, or name another one with DOCKER_HOST or DOCKER_CONTEXT"),)
            not_up = f"{target.name} is not up: its services, links and sources were not looked at"
            not_up += f" ({unseen})" if unseen else ""
            return (*there, warning("target", not_up, "a run brings it up; or: saleproof up"))
        inventory = platform.inventory()
    except SaleproofError as error:
        return (problem("target", str(error)),)
    found = (*there, services(inventory), links(inventory), *sources.of_target(target, inventory))
    here = ok("target", f"{target.name} ({inventory.variant}) is up on {inventory.platform}, {target.environment}")
    run = next((holder.run for holder in standing.runs(state) if holder.target == target.name), "")
    if run:
        # What is disturbed now is what that run disturbs.
        here = warning("target", f"{target.name} is in use by run {run}")
        found = tuple(msgspec.structs.replace(f, level=Level.WARNING) if f.level is Level.PROBLEM else f for f in found)
    return (here, *found)
