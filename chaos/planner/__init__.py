"""Experiment + target + inventory + seed -> plan. Pure: nothing is read, started or touched."""

from chaos.planner.inventory import planned_inventory, platforms_for
from chaos.planner.plan import plan

__all__ = ["plan", "planned_inventory", "platforms_for"]
