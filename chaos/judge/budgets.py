"""What the run spent of the error budgets, and what that would have cost. Changes no outcome."""

from __future__ import annotations

from chaos.model.charge import Charge, SlaCharge
from chaos.model.journal import Journal
from chaos.slo.charge import charges, sla_charges

Charged = tuple[tuple[Charge, ...], tuple[SlaCharge, ...]]
NOTHING: Charged = ((), ())


def charged(journal: Journal) -> Charged:
    """For each SLO that the run measured, and for each SLA on one of them."""
    found = charges(journal)
    return found, sla_charges(journal.plan.budgets.slas, found, journal.plan.budgets.slos)
