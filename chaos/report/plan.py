"""`saleproof plan` as text: what will be touched, for how long, and whether the run can decide anything."""

from __future__ import annotations

from chaos.model.objective import ANY
from chaos.model.plan import Decision, Measured, Plan
from chaos.model.words import seconds
from chaos.report.paint import WIDTH, Page


def render(plan: Plan, *, width: int = WIDTH, colour: bool | None = None) -> str:
    page = Page(width)
    page.wrapped(plan.title, "bold")
    if plan.why:
        page.wrapped(plan.why, "dim")
    page.gap()
    profile = f", profile {plan.profile}" if plan.profile else ""
    page.line(("where    ", "dim"), f"{plan.target} ({plan.variant}) on {plan.platform}{profile}, seed {plan.seed}")
    if plan.endpoint:
        page.line(("         ", "dim"), plan.endpoint)
    if plan.load == "none":
        page.line(("traffic  ", "dim"), "none of ours")
    elif plan.traffic_by:
        page.line(("traffic  ", "dim"), f"{plan.load}, about {float(plan.rate):g} requests/s by {plan.traffic_by}")
    else:
        own = f"{plan.load}, {float(plan.rate):g} journeys/s; customers wait for {plan.patience}"
        page.line(("traffic  ", "dim"), own)
    for source in plan.sources:
        page.wrapped(_source(source), indent=9, first="measures ", first_style="dim")
    longest = "at most " if any(window.least is not None for window in plan.windows) else ""
    page.line(("takes    ", "dim"), f"{longest}{_minutes(float(plan.length))} once the target is up")
    page.gap()
    page.line(("what will be touched", "bold"))
    for step in plan.steps:
        if step.wait is not None:
            page.line(f"  wait {step.wait}")
        for fault in step.faults:
            page.wrapped(f"{fault.id}  {fault.text}", indent=2)
            page.wrapped(f"on {', '.join(fault.places)} for {fault.duration}", "magenta", indent=7)
            if fault.touches:
                page.wrapped(f"touches {', '.join(fault.touches)}", indent=7)
    if not any(step.faults for step in plan.steps):
        page.line("  nothing")
    page.gap()
    page.line(("what will be judged", "bold"))
    for window in plan.windows:
        length = f"{window.length}" if window.least is None else f"{window.least} to {window.length}"
        page.line(f"  {window.name}, {length}")
        for decision in (d for d in plan.decisions if d.window == window.name):
            _decision(page, decision.condition, decision.expected, decision.needed, decision.spare_failures,
                      enough=decision.enough)  # fmt: skip
    _soon(page, plan)
    deviated = ["deviated" if key == ANY else f"{key} deviated" for key in plan.abort_deviated]
    for title, lines in (
        ("aborts if", [*(c.text for c in plan.abort), *deviated]),
        ("invariants after it", list(plan.invariants)),
    ):
        if lines:
            page.gap()
            page.line((title, "bold"))
            for text in lines:
                page.wrapped(text, indent=2)
    for warning in plan.warnings:
        page.gap()
        page.wrapped(warning, "yellow", indent=2, first="!", first_style="yellow")
    return page.show(colour=colour)


def _decision(page: Page, condition: str, expected: float, needed: int, spare: int, *, enough: bool) -> None:
    counts = f"about {expected:,.0f} samples, {needed:,} needed"
    room = (f", up to {spare:,} may be bad" if spare > 0 else ", none may be bad") if spare >= 0 else ""
    word = room if enough else ": TOO FEW TO DECIDE"
    mark, style = ("✓", "green") if enough else ("✗", "bold red")
    page.wrapped(f"{condition}: {counts}{word}", indent=6, first=f"    {mark}", first_style=style)


def _soon(page: Page, plan: Plan) -> None:
    """Of each sentence once, by the first window that it is in."""
    told: dict[str, Decision] = {}
    for decision in plan.decisions:
        if decision.outage_s is not None:
            told.setdefault(decision.condition, decision)
    if not told:
        return
    page.gap()
    page.line(("how soon that can be told, typically", "bold"))
    for decision in told.values():
        parts = [f"an outage after {_about(decision.outage_s)}"]
        if decision.tenfold_s is not None:
            parts.append(f"ten times the budget after {_about(decision.tenfold_s)}")
        parts.append(f"held takes {_about(decision.clean_s)} without a bad one")
        page.wrapped(f"{decision.condition}: {', '.join(parts)}", indent=4, first="  ")


def _about(length_s: float | None) -> str:
    if length_s is None:
        return "never"
    return f"{length_s:.1f} s" if length_s < 10 else _minutes(length_s)


def _source(source: Measured) -> str:
    """Where an SLI comes from, and how late."""
    every = "" if source.interval is None else f"a sample every {seconds(float(source.interval))}, "
    now = "" if source.per_s is None else f"; {source.per_s:,.3g} a second now"
    late = f"seen at most {seconds(float(source.delay))} late, also by the guard"
    return f"{source.sli} from {source.source}: {every}{late}{now}"


def _minutes(length_s: float) -> str:
    minutes, rest = divmod(round(length_s), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
