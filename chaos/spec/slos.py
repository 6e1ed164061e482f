"""What a target promises: its SLOs, events, SLAs and gates, from the parts of its file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime

from msgspec.structs import replace

from chaos.model.base import to_plain
from chaos.model.objective import Condition
from chaos.model.sli import Shape
from chaos.model.slo import Gates, Money, Sla, Slo, SloEvent, SloWindow, Tier
from chaos.model.target import Target
from chaos.spec import condition
from chaos.spec.slo_file import CalendarPart, EventPart, GatesPart, IncentivePart, PenaltyPart, SlaPart, SloPart
from chaos.units import Duration, Ratio

# The one event that every target has, unless its file says more about it: a day of sale, no date yet.
SALE = "sale"


def slos(parts: tuple[SloPart, ...]) -> tuple[Slo, ...]:
    return tuple(
        Slo(
            name=slo_name(part), condition=" ".join(part.objective.split()), window=window(part.window),
            budgeting=part.budgeting, slice=part.slice, slice_target=part.slice_target, target=part.target,
        )
        for part in parts
    )  # fmt: skip


def slo_name(part: SloPart) -> str:
    """The one that was given, else `pages-p99-sale` for `pages.p99 < 2s` over the sale."""
    if part.name is not None:
        return part.name
    what = re.split(r"[<>=]", part.objective, maxsplit=1)[0]
    over = part.window.calendar if isinstance(part.window, CalendarPart) else part.window
    return re.sub(r"[^A-Za-z0-9_]+", "-", f"{what.strip()}-{over.strip()}").strip("-")


def window(part: str | CalendarPart) -> SloWindow:
    """A duration is a rolling window, any other word an event."""
    if isinstance(part, CalendarPart):
        return SloWindow(calendar=part.calendar, time_zone=part.time_zone)
    try:
        return SloWindow(rolling=Duration.parse(part))
    except ValueError:
        return SloWindow(event=part)


def events(parts: Mapping[str, EventPart], promised: tuple[SloPart, ...]) -> dict[str, SloEvent]:
    """Those of the file; and the sale, where an SLO is about it."""
    found = {name: event(name, part) for name, part in parts.items()}
    if any(part.window == SALE for part in promised):
        found.setdefault(SALE, SloEvent(name=SALE))
    return found


def event(name: str, part: EventPart) -> SloEvent:
    """Raises: ValueError for a start that is no moment."""
    return SloEvent(
        name=name, starts=None if part.starts is None else moment(part.starts), lasts=part.lasts, traffic=part.traffic
    )


def moment(text: str) -> datetime:
    """A time of day that means the same everywhere. Raises: ValueError."""
    found = datetime.fromisoformat(text)
    if found.tzinfo is None:
        raise ValueError(f"{text!r} does not say its offset from UTC")
    return found


def slas(parts: Mapping[str, SlaPart]) -> tuple[Sla, ...]:
    return tuple(
        Sla(
            name=name, slos=part.slos, to=part.to, fee=None if part.fee is None else money(part.fee),
            penalties=tuple(sorted(map(_penalty, part.penalties), key=lambda tier: -(tier.limit or 1))),
            incentives=tuple(sorted(map(_incentive, part.incentives), key=lambda tier: tier.limit or 0)),
        )
        for name, part in parts.items()
    )  # fmt: skip


def money(text: str) -> Money:
    """`12000 EUR`, whose form has been checked."""
    number, currency = text.split()
    whole, _, rest = number.partition(".")
    return Money(hundredths=int(whole) * 100 + int(rest or 0), currency=currency)


def _penalty(part: PenaltyPart) -> Tier:
    return Tier(
        limit=None if part.below is None else _exact(part.below),
        share=part.credit,
        amount=None if part.amount is None else money(part.amount),
    )


def _incentive(part: IncentivePart) -> Tier:
    return Tier(
        limit=_exact(part.at_least), share=part.bonus, amount=None if part.amount is None else money(part.amount)
    )


def _exact(ratio: Ratio) -> Ratio:
    """99.9 / 100 is a little more than 0.999, which would make a limit differ from the same objective."""
    return Ratio(round(ratio, 12))


def gates(part: GatesPart) -> Gates:
    return Gates(**{name: getattr(part, name) for name in to_plain(part)})


def resolved(target: Target) -> Target:
    """With each SLO's sentence read on its target. Raises: condition.Wrong; the checks have read them before."""
    read = (replace(slo, objective=promised(slo, condition.parse(slo.condition, target))) for slo in target.slos)
    return replace(target, slos=tuple(read))


def promised(slo: Slo, found: Condition) -> Condition:
    """Its sentence as it was read, with the share that it promises of a gauge's readings. Raises: condition.Wrong."""
    if slo.target is None:
        return found
    if found.shape is not Shape.GAUGE:
        raise condition.Wrong(
            f"`{slo.condition}` says itself what share must be good; target is for readings such as `queue < 100`"
        )
    if not 0 < slo.target < 1:
        raise condition.Wrong(f"a target of {slo.target} leaves no error budget, or nothing else; such as 99%")
    return replace(found, budget=round(1 - slo.target, 12))
