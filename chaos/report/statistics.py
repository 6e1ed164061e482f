"""What the words of a verdict stand on, on demand: bounds, tests and seeds, check by check."""

from __future__ import annotations

from chaos.model.journal import Journal
from chaos.model.verdict import Check, Compared, Recovery, Verdict
from chaos.model.words import percent, seconds
from chaos.report.paint import MARKS, STYLES, Page
from chaos.stats.early import END_CONFIDENCE

# VERDICTS section 3, 3,600 requests at exactly the budget: how many failures come together, and how often `held` is
# wrong then.
BURSTS = ((1, "at most 5 %"), (5, "49 %"), (10, "70 %"), (20, "83 %"))


def write_statistics(page: Page, verdict: Verdict, journal: Journal) -> None:
    """A section for those who ask how sure it is."""
    plan = journal.plan
    if not verdict.checks:
        return
    page.gap()
    page.line(("statistics", "bold"))
    tests = max(1, plan.tests)
    page.wrapped(
        f"deviated: E >= m / alpha = {tests:,} / {plan.alpha:g} = {tests / plan.alpha:,.0f}, a "
        "sequential test of bins of 250 ms; a run without an effect says so at most one time in "
        f"{round(1 / plan.alpha):,}, all its tests together", indent=2,
    )  # fmt: skip
    page.wrapped("held: the exact one-sided 95 % upper bound of the bad fraction is within the budget", indent=2)
    if any(window.least is not None for window in plan.windows):
        page.wrapped(
            "in a window that may end early: by a test that may be looked at at any moment, or by the "
            f"{percent(END_CONFIDENCE)} bound at its longest, together wrong in at most 5 %", indent=2,
        )  # fmt: skip
    page.wrapped(f"dice: seed {plan.seed} for the run, a seed of its own for each comparison", indent=2)
    window = ""
    for check in verdict.checks:
        if check.window != window:
            window = check.window
            page.gap()
            page.line((f"  {window}", "bold"))
        mark, style = MARKS[check.outcome], STYLES[check.outcome]
        page.wrapped(check.condition, indent=4, first=f"  {mark}", first_style=style)
        for line in _lines(check):
            page.wrapped(line, "dim", indent=6)
    for recovery in verdict.recoveries:
        page.gap()
        page.wrapped(f"{recovery.window}, recovery: {recovery.condition}", indent=2)
        page.wrapped(_recovery(recovery), "dim", indent=6)
    page.gap()
    page.wrapped(
        "how often `held` is wrong when failures come in bursts (3,600 requests, at exactly the budget):", indent=2
    )
    page.line(f"  {'failures together'.ljust(20)}", *(str(size).rjust(13) for size, _ in BURSTS))
    page.line(f"  {'held is wrong'.ljust(20)}", *(wrong.rjust(13) for _, wrong in BURSTS))


def _lines(check: Check) -> list[str]:
    if check.compared is not None:
        return _compared(check.compared)
    if not check.total:
        return ["no samples"]
    ratio = check.bad / check.total
    bound = f", below {percent(check.upper)} with 95 % confidence" if check.upper is not None else ""
    lines = [f"bad {check.bad:,} / {check.total:,} = {percent(ratio)}{bound}; budget {percent(check.budget)}"]
    if check.e_value is not None and check.e_needed is not None:
        when = f", reached {check.decided_at_s:.2f} s into the run" if check.decided_at_s is not None else ""
        lines.append(f"E at most {check.e_value:.3g} of {check.e_needed:,.0f} needed{when}")
    if check.phase == "before":
        lines.append("steady by its point estimate; nothing is tested before the fault")
    if check.more_needed:
        more_s = f", {seconds(check.more_needed_s)} at this rate" if check.more_needed_s is not None else ""
        lines.append(f"{check.more_needed:,} more clean samples would prove it{more_s}")
    return lines


def _compared(found: Compared) -> list[str]:
    sure = percent(1 - found.alpha)
    return [
        f"{seconds(found.before_s)} before, {seconds(found.during_s)} here: ratio {found.ratio:.3f}, above "
        f"{found.low:.3f} with {sure} and below {found.high:.3f} with 95 % confidence; allowed {found.allowed:.3f}",
        f"standard error of ln ratio {found.standard_error:.4f}, Student's t, {found.freedom:.1f} degrees of freedom",
        f"moving-block bootstrap: {found.blocks_before:g} and {found.blocks_during:g} blocks of {found.block_s} s, "
        f"{found.resamples} resamples, seed {found.seed}",
    ]


def _recovery(found: Recovery) -> str:
    if found.low_s is None or found.high_s is None:
        return found.text
    at = f"change point {found.at_s:.2f} s" if found.at_s is not None else "no recovery"
    steady = f", steady for {seconds(found.steady_s)} needed" if found.steady_s is not None else ""
    return (
        f"{at} in [{found.low_s:.2f}, {found.high_s:.2f}] (log-likelihood within 3 of the best): bad "
        f"{percent(found.bad_ratio_before)}, then {percent(found.bad_ratio_after)}; watched for "
        f"{seconds(found.watched_s)}{steady}"
    )
