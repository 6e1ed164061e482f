"""The checks that every run begins with. What they find is one line, and nothing was disturbed."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from chaos.model.objective import Condition
from chaos.model.target import Target
from chaos.preflight import disk, machine, sources
from chaos.preflight.finding import refuse
from chaos.preflight.target import links, settled

if TYPE_CHECKING:
    from chaos.model.platform import Platform


def check_machine(state: Path, store: str) -> None:
    """Before the target is brought up. Raises: Unavailable."""
    refuse((machine.clock(), *disk.disks(state, store)))


def check_target(platform: Platform, target: Target, conditions: Iterable[Condition]) -> None:
    """Once it is up, for the conditions of this run. Raises: Unavailable; Refused for what is left from before."""
    inventory = platform.inventory()
    refuse((settled(platform.inventory), links(inventory)))
    refuse(sources.of_conditions(conditions, target, inventory))
