"""What can be wrong with what a target promises: names, windows, slices of time, tiers that overlap."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from chaos.errors import nearest
from chaos.model.slo import Slo, Tier
from chaos.model.target import Target
from chaos.spec import condition
from chaos.spec.convert import unknown
from chaos.spec.marked import Key, Node
from chaos.spec.problems import Problems
from chaos.spec.slo_file import IncentivePart, PenaltyPart, SlaPart
from chaos.spec.slos import SALE, moment, promised
from chaos.spec.target_file import TargetPart
from chaos.units import Duration, Ratio

# What a run was charged is asked for as long ago (rehearsal.budgets); and no date of it may fall out of the calendar.
LONGEST = Duration(400 * 86400)
YEARS = range(1970, 3000)

UNITS = ("day", "week", "month", "quarter", "year")


def check_shape(part: TargetPart, root: Node, problems: Problems) -> None:
    """What must be right before anything can be built from the parts."""
    for name, event in part.events.items():
        if event.lasts > LONGEST:
            problems.at(root, ("events", name, "lasts"), f"must be at most {LONGEST}")
        try:
            if event.starts is not None and moment(event.starts).year not in YEARS:
                message = f"'{event.starts}' is in no year from {YEARS[0]} to {YEARS[-1]}"
                problems.at(root, ("events", name, "starts"), message)
        except ValueError:
            message = f"{event.starts!r} is not a moment; write it with its offset, such as 2026-12-01T10:00:00+01:00"
            problems.at(root, ("events", name, "starts"), message)
    for name, sla in part.slas.items():
        _sla_shape(sla, root, ("slas", name), problems)


def _names(target: Target, root: Node, problems: Problems) -> None:
    taken: dict[str, int] = {}
    for index, slo in enumerate(target.slos):
        if slo.name in taken:
            message = f"'{slo.name}' is the name of slos[{taken[slo.name]}] already; give each a name of its own"
            said = root.find("slos", index).get("name") is not None
            problems.at(root, ("slos", index, *(("name",) if said else ())), message)
        taken.setdefault(slo.name, index)


def _window(slo: Slo, target: Target, root: Node, path: tuple[Key, ...], problems: Problems) -> None:
    window = slo.window
    if window.calendar is not None:
        _time_zone(window.time_zone, root, (*path, "time-zone"), problems)
    elif window.rolling is not None and window.rolling <= 0:
        problems.at(root, path, "must be more than 0s")
    elif window.rolling is not None and window.rolling > LONGEST:
        problems.at(root, path, f"must be at most {LONGEST}")
    elif window.event is not None and window.event not in target.events:
        calendar = f"; a calendar's window is {{calendar: {window.event}}}" if window.event in UNITS else ""
        events = nearest(window.event, (*target.events, SALE))
        try:
            Duration.parse(window.event)
        except ValueError as error:
            problems.at(root, path, f"{error}, or an event{calendar}.{events}")


def _time_zone(name: str, root: Node, path: tuple[Key, ...], problems: Problems) -> None:
    import zoneinfo

    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        import difflib

        close = difflib.get_close_matches(name, zoneinfo.available_timezones(), n=1)
        hint = f" Did you mean '{close[0]}'?" if close else ""
        problems.at(root, path, f"unknown time zone '{name}'; write it like Europe/Berlin.{hint}")


def _slices(slo: Slo, root: Node, path: tuple[Key, ...], problems: Problems) -> None:
    given = [word for word, value in (("slice", slo.slice), ("slice-target", slo.slice_target)) if value is not None]
    if slo.budgeting == "occurrences":
        for word in given:
            problems.at(root, (*path, word), "belongs to `budgeting: timeslices`")
    elif len(given) != 2:
        problems.at(root, path, "timeslices need slice (how long one is) and slice-target (when it is good)")
    elif slo.slice_target is not None and slo.slice_target <= 0:
        problems.at(root, (*path, "slice-target"), "must be more than 0%: every slice would be good")
    if slo.slice is not None and slo.window.rolling is not None and slo.window.rolling < slo.slice:
        problems.at(root, (*path, "slice"), f"is longer than the window, {slo.window}")


def _sla_shape(sla: SlaPart, root: Node, path: tuple[Key, ...], problems: Problems) -> None:
    dues = [("penalties", i, p.credit, p.amount, "credit") for i, p in enumerate(sla.penalties)]
    dues += [("incentives", i, p.bonus, p.amount, "bonus") for i, p in enumerate(sla.incentives)]
    currencies = {amount.split()[1] for *_, amount, _ in dues if amount is not None}
    currencies |= {sla.fee.split()[1]} if sla.fee is not None else set()
    if len(currencies) > 1:
        problems.at(root, path, f"amounts in {' and '.join(sorted(currencies))} cannot be compared; use one currency")
    for where, index, share, amount, word in dues:
        if (share is None) == (amount is None):
            problems.at(root, (*path, where, index), f"needs exactly one of {word} and amount")
    shares = {share is not None for _, _, share, _, _ in dues}
    if len(shares) > 1 and sla.fee is None:
        problems.at(root, path, "shares of the fee and amounts can only be compared when the fee is said")
    _apart([(t.below, t) for t in sla.penalties], root, (*path, "penalties"), problems)
    _apart([(t.at_least, t) for t in sla.incentives], root, (*path, "incentives"), problems)


def _apart(
    tiers: Sequence[tuple[Ratio | None, PenaltyPart | IncentivePart]], root: Node, path: tuple[Key, ...],
    problems: Problems,
) -> None:  # fmt: skip
    seen: dict[Ratio | None, int] = {}
    for index, (limit, _) in enumerate(tiers):
        if limit in seen:
            problems.at(root, (*path, index), f"overlaps with {path[-1]}[{seen[limit]}], which has the same limit")
        seen.setdefault(limit, index)


def check_slos(target: Target, root: Node, problems: Problems) -> None:
    """What can only be said of the whole."""
    profiles = tuple(target.traffic.profiles) if target.traffic is not None else ("normal",)
    for name, event in target.events.items():
        if event.traffic not in profiles:
            problems.at(root, ("events", name, "traffic"), unknown("traffic profile", event.traffic, profiles))
    ratios: dict[str, Ratio] = {}
    _names(target, root, problems)
    for index, slo in enumerate(target.slos):
        _window(slo, target, root, ("slos", index, "window"), problems)
        _slices(slo, root, ("slos", index), problems)
        try:
            objective = condition.parse(slo.condition, target)
        except condition.Wrong as wrong:
            problems.at(root, ("slos", index, "objective"), str(wrong))
            continue
        try:
            objective = promised(slo, objective)
        except condition.Wrong as wrong:
            problems.at(root, ("slos", index, "target"), str(wrong))
            continue
        if objective.tolerance is not None:
            message = f"`{slo.condition}`: an SLO needs a value; only an experiment compares with before"
            problems.at(root, ("slos", index, "objective"), message)
        ratios[slo.name] = Ratio(round(1 - objective.budget, 12))
    by_name = {slo.name: slo for slo in target.slos}
    for sla in target.slas:
        path: tuple[Key, ...] = ("slas", sla.name)
        for index, name in enumerate(sla.slos):
            if name not in by_name:
                problems.at(root, (*path, "slos", index), unknown("SLO", name, tuple(by_name)))
        _same_window([by_name[name] for name in sla.slos if name in by_name], root, path, problems)
        goals = [ratios[name] for name in sla.slos if name in ratios]
        _limits(sla.penalties, sla.incentives, goals, root, path, problems)
        for word, tiers in (("penalties", sla.penalties), ("incentives", sla.incentives)):
            _dearer(tiers, sla.fee.hundredths if sla.fee else None, root, (*path, word), problems)


def _same_window(slos: list[Slo], root: Node, path: tuple[Key, ...], problems: Problems) -> None:
    windows = list(dict.fromkeys(str(slo.window) for slo in slos))
    if len(windows) > 1:
        problems.at(root, (*path, "slos"), f"their windows are {' and '.join(windows)}; an SLA counts over one")


def _limits(
    penalties: tuple[Tier, ...], incentives: tuple[Tier, ...], goals: list[Ratio], root: Node, path: tuple[Key, ...],
    problems: Problems,
) -> None:  # fmt: skip
    """A penalty begins where the objective ends, an incentive above it."""
    for tier in penalties:
        if tier.limit is not None and goals and tier.limit > min(goals):
            message = f"a penalty below {tier.limit}, although the objective is met from {min(goals)} on"
            problems.at(root, (*path, "penalties"), message)
    for tier in incentives:
        if tier.limit is not None and goals and tier.limit < max(goals):
            message = f"an incentive from {tier.limit} on, although the objective is {max(goals)}"
            problems.at(root, (*path, "incentives"), message)


def _dearer(tiers: tuple[Tier, ...], fee: int | None, root: Node, path: tuple[Key, ...], problems: Problems) -> None:
    """Each step is more than the one before it, or the worse service would be the cheaper one."""
    for milder, stricter in itertools.pairwise(tiers):
        if milder.limit != stricter.limit and _due(stricter, fee) <= _due(milder, fee):
            message = f"the step at {stricter.limit} is due for no more than the one before it; put the steps in order"
            problems.at(root, path, message)


def _due(tier: Tier, fee: int | None) -> float:
    if tier.amount is not None:
        return tier.amount.hundredths
    return float(tier.share or 0) * (100 if fee is None else fee)
