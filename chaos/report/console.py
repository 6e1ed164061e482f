"""One verdict as a screen of 80 columns: the answer first, then the numbers that it stands on, then what to do next."""

from __future__ import annotations

from chaos.model.journal import Journal
from chaos.model.plan import Window
from chaos.model.verdict import Check, FaultReport, Outcome, Status, Verdict, WindowReport
from chaos.model.words import percent, seconds, with_interval
from chaos.report import budgets
from chaos.report.events import Describer
from chaos.report.paint import MARKS, STYLES, WIDTH, Page
from chaos.report.statistics import write_statistics

# More reasons than this make nobody wiser; the tables below have the rest.
_REASONS = 4
_NAME, _VALUE = 26, 25


def render(
    verdict: Verdict, journal: Journal, *, width: int = WIDTH, colour: bool | None = None, statistics: bool = False
) -> str:
    """The screen. `colour` None: as stdout wants it. `statistics`: also what the words stand on."""
    page = Page(width)
    _headline(page, verdict, journal)
    for window in journal.plan.windows:
        checks = [check for check in verdict.checks if check.window == window.name]
        if checks:
            early = [report for report in verdict.windows if report.window == window.name and report.decided]
            _window(page, window, checks, early, journal)
    _recoveries(page, verdict)
    _faults(page, verdict)
    _invariants(page, verdict)
    if journal.plan.target:  # a plain Chaos Toolkit experiment has no traffic of ours
        _people(page, verdict, traffic=journal.plan.load != "none")
        budgets.show(page, verdict, journal.plan.budgets)
    if statistics:
        write_statistics(page, verdict, journal)
    page.gap()
    page.line(("this again     ", "dim"), f"saleproof show {verdict.run}")
    page.line(("judge it anew  ", "dim"), f"saleproof judge {verdict.run}")
    return page.show(colour=colour)


def event_lines(journal: Journal) -> list[str]:
    """Everything that happened, a line each, in the order of time."""
    describer = Describer(journal.plan)
    return [describer.line(event) for event in sorted(journal.events, key=lambda event: event.at_s)]


def _headline(page: Page, verdict: Verdict, journal: Journal) -> None:
    plan = journal.plan
    style = STYLES[verdict.outcome]
    word = verdict.outcome.value.upper()
    if verdict.exit_code == 3:
        word, style = "FAULT STILL IN PLACE", STYLES[Outcome.DEVIATED]
    status = "" if verdict.status is Status.COMPLETED else f" · {verdict.status.value}"
    page.wrapped(plan.title, "bold", indent=0)
    page.line((f"{word}{status}", style), (f" · exit {verdict.exit_code}", "dim"))
    if verdict.objectives:
        page.wrapped(f"judged by other objectives: {'; '.join(verdict.objectives)}", "yellow", indent=2)
    for reason in verdict.reasons[:_REASONS]:
        page.wrapped(reason, indent=2)
    if len(verdict.reasons) > _REASONS:
        page.line(f"  and {len(verdict.reasons) - _REASONS} more, below")
    page.gap()
    if not plan.target:
        page.wrapped(f"{verdict.run} · by the Chaos Toolkit's engine · {_length(journal)}", "dim")
        return
    where = f"{plan.target} ({plan.variant}) on {plan.platform}"
    profile = f" · profile {plan.profile}" if plan.profile else ""
    page.wrapped(f"{verdict.run} · {where}{profile}", "dim")
    rate = f"{float(plan.rate):g} journeys/s" if plan.load != "none" else "no traffic of ours"
    if plan.traffic_by:
        rate = f"about {float(plan.rate):g} requests/s by {plan.traffic_by}"
    page.wrapped(f"{rate} · seed {plan.seed} · {_length(journal)}", "dim")
    for source in plan.sources:
        late = f"seen up to {seconds(float(source.delay))} late"
        page.wrapped(f"{source.sli} · {source.source} · {late}", "dim")


def _length(journal: Journal) -> str:
    minutes, rest = divmod(round(max((event.at_s for event in journal.events), default=0.0)), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def _window(
    page: Page, window: Window, checks: list[Check], reports: list[WindowReport], journal: Journal
) -> None:  # fmt: skip
    faults = [f.text for s in journal.plan.steps if s.index == window.step for f in s.faults]
    under = f"  {' + '.join(faults)}" if window.phase == "during" and faults else ""
    page.gap()
    left = f"{window.name}, {window.length}"
    head = "bad / total, allowed"
    page.line((left.ljust(_NAME + 3), "bold"), ("measured".ljust(_VALUE), "dim"), (head, "dim"))
    if under:
        page.wrapped(under.strip(), "magenta", indent=2)
    for report in reports:
        page.wrapped(_decided(report), "cyan", indent=2)
    for check in checks:
        _check(page, check)


def _decided(report: WindowReport) -> str:
    """`ended after 12 s of 60 s: decided; saved 48 s`."""
    lasted, longest, saved = (f"{each:.0f} s" for each in (report.lasted_s, report.longest_s, report.saved_s))
    return f"ended after {lasted} of {longest}: decided, {report.decided}; saved {saved}"


def _check(page: Page, check: Check) -> None:
    mark, style = MARKS[check.outcome], STYLES[check.outcome]
    value = "-"
    if check.value is not None:
        value = with_interval(check.value, check.low, check.high, check.unit)
    elif check.total and check.upper is not None:
        value = f"{percent(1 - check.bad / check.total)} good"
    # 0.1 % of 3,000 is 3, in spite of floating point.
    allowed = f"{int(check.budget * check.total + 1e-9):,}"
    counts = f"{check.bad:,} / {check.total:,}, {allowed}" if check.total else "no samples"
    if check.total and check.upper is None:  # nothing was compared, so none of them is known to be bad
        counts = f"of {check.total:,}"
    if check.compared is not None:
        counts = f"{check.compared.ratio:.2f} x before, {check.compared.allowed:.2f}"
    name = check.condition
    if len(name) > _NAME:
        page.line((f"{mark} ", style), name)
        page.line(" " * (_NAME + 3), value.ljust(_VALUE), counts)
    else:
        page.line((f"{mark} ", style), name.ljust(_NAME + 1), value.ljust(_VALUE), counts)
    if check.outcome is not Outcome.HELD:
        page.wrapped(_why(check), style, indent=4)


def _why(check: Check) -> str:
    """The verdict's sentence on one check, without the figures that the row above has."""
    parts = [part for part in check.text.split("; ") if not part.startswith("the objective allows")]
    shown = parts[1:] if check.total and len(parts) > 1 else parts
    word = {Outcome.DEVIATED: "deviated", Outcome.INCONCLUSIVE: "inconclusive"}[check.outcome]
    return f"{word}: {'; '.join(shown)}"


def _recoveries(page: Page, verdict: Verdict) -> None:
    if not verdict.recoveries:
        return
    page.gap()
    page.line(("recovery, once the fault was gone", "bold"))
    several = len({recovery.window for recovery in verdict.recoveries}) > 1
    for recovery in verdict.recoveries:
        where = f"{recovery.window}, " if several else ""
        mark, style = MARKS[recovery.outcome], STYLES[recovery.outcome]
        page.wrapped(f"{where}{recovery.condition}  {recovery.text}", indent=2, first=mark, first_style=style)


def _faults(page: Page, verdict: Verdict) -> None:
    if not verdict.faults:
        return
    page.gap()
    page.line(("faults", "bold"))
    for fault in verdict.faults:
        good = bool(fault.confirmed) and fault.reverted
        outcome = Outcome.HELD if good else Outcome.INCONCLUSIVE
        if fault.confirmed is not None and not fault.reverted:
            outcome = Outcome.DEVIATED
        page.wrapped(_fault(fault), indent=2, first=MARKS[outcome], first_style=STYLES[outcome])
        if fault.remedy and not fault.reverted:
            page.line("  ", (fault.remedy, "bold"))  # never broken: it is there to be copied


def _fault(fault: FaultReport) -> str:
    kind = fault.text.split(":")[0] or fault.fault
    if fault.confirmed is None:
        return f"{kind}  {fault.place}  never injected{': ' + fault.evidence if fault.evidence else ''}"
    bitten = f"confirmed {fault.evidence}" if fault.confirmed else f"NOT CONFIRMED {fault.evidence}".rstrip()
    if not fault.reverted:
        return f"{kind}  {fault.place}  {bitten}  STILL IN PLACE"
    by = f" by the {fault.reverted_by}" if fault.reverted_by not in ("", "runner") else ""
    on = f" after {seconds(fault.on_s)}" if fault.on_s is not None else ""
    return f"{kind}  {fault.place}  {bitten}  reverted{by}{on}"


def _invariants(page: Page, verdict: Verdict) -> None:
    if not verdict.invariants:
        return
    page.gap()
    page.line(("invariants", "bold"))
    for report in verdict.invariants:
        mark, style = MARKS[report.outcome], STYLES[report.outcome]
        page.wrapped(f"{report.name}  {report.text}", indent=2, first=mark, first_style=style)


def _people(page: Page, verdict: Verdict, *, traffic: bool) -> None:
    page.gap()
    if not traffic:
        page.wrapped("No traffic of ours: the events are those of the target's own users.", "dim")
        return
    for note in verdict.notes:
        page.wrapped(note, "yellow")
    parts = [f"{verdict.customers_affected:,} of {verdict.customers:,} customers had a request that failed"]
    if verdict.customers:
        parts[0] += f" ({percent(verdict.customers_affected / verdict.customers)})"
    if verdict.customers_during:
        share = percent(verdict.customers_affected_during / verdict.customers_during)
        parts.append(
            f"while a fault was on {verdict.customers_affected_during:,} of {verdict.customers_during:,} ({share})"
        )
    if verdict.customers or not verdict.notes:
        page.wrapped("; ".join(parts), indent=0)
    lag = verdict.generator_lag_p99_s
    late = f"; the generator was {seconds(lag)} late at p99" if lag is not None else ""
    page.wrapped(f"{verdict.requests:,} requests, each one recorded{late}", "dim")
    if verdict.outcome is Outcome.HELD:
        page.wrapped(
            "Held: wrong at most 5 % of the time for each objective and window, if failures are independent; when they "
            "come in bursts, a clean window proves less.",
            "dim",
        )
