"""What a run spent of the error budgets, and what that would have cost, in a few lines."""

from __future__ import annotations

from chaos.model.charge import Budgeted, Charge, PlannedSlo, SlaCharge
from chaos.model.verdict import Verdict
from chaos.model.words import seconds, share
from chaos.report.paint import Page

_KINDS = {
    "virtual": "error budgets, virtual: what each window's own customers would have felt",
    "real": "error budgets, real: what users felt",
}


def show(page: Page, verdict: Verdict, budgets: Budgeted) -> None:
    """Nothing where the target has no SLOs, or the run disturbed nothing."""
    if budgets.ignored:
        page.gap()
        page.wrapped(f"run although {budgets.ignored}", "yellow", indent=2, first="!", first_style="yellow")
    if not verdict.charges:
        return
    page.gap()
    page.wrapped(_KINDS[budgets.kind], "bold")
    slos = {slo.name: slo for slo in budgets.slos}
    for charge in (c for c in verdict.charges if c.spent > 0):
        page.wrapped(_charge(charge, slos[charge.slo]), indent=2)
    untouched = sum(1 for charge in verdict.charges if charge.spent <= 0)
    if untouched:
        word = "the other" if untouched < len(verdict.charges) else "all"
        page.line(("  ", ""), (f"{word} {untouched}: nothing spent", "dim"))
    for due in verdict.slas:
        page.wrapped(_due(due), indent=2)


def _charge(charge: Charge, slo: PlannedSlo) -> str:
    at = f" at {slo.traffic} traffic (x{slo.factor:.3g})" if slo.factor != 1.0 and slo.slice is None else ""
    things = "" if slo.slice is None else f" slices of {slo.slice}"
    text = (
        f"{charge.slo}: {charge.bad:,.0f} of {charge.total:,.0f}{things} bad, {share(charge.spent)} of the budget of "
        f"{charge.window}{at}"
    )
    if charge.lasting is None:
        return text
    return f"{text}; had the fault stayed, all of it within {seconds(float(charge.lasting))}"


def _due(due: SlaCharge) -> str:
    return f"SLA {due.sla}: this once {due.once}; had the fault stayed, {due.lasting}"
