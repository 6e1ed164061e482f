"""What both ways share: versions, durations, names, and which of our SLIs are which metric."""

from __future__ import annotations

import re
from datetime import datetime
from decimal import Decimal

from chaos.model.objective import Op
from chaos.model.sli import Shape
from chaos.model.slo import CalendarUnit

API_VERSION = "openslo/v1"
KINDS = ("Service", "SLI", "SLO", "DataSource", "AlertPolicy", "AlertCondition", "AlertNotificationTarget")

# Metric sources. The first is our own traffic; a reader that does not know it still knows the rest of the file.
LOAD, PROMETHEUS, HTTP, SQL = "Saleproof", "Prometheus", "HTTP", "SQL"
LATENCY = "latency"

# OpenSLO allows names that are DNS labels; ours may have capitals and underscores, which this annotation keeps.
NAME, EVENT, TRAFFIC = "saleproof-name", "saleproof-event", "saleproof-traffic"

OPS = {Op.LT: "lt", Op.LE: "lte", Op.GT: "gt", Op.GE: "gte"}

# Shapes whose sentence counts what is bad.
BAD = frozenset({Shape.ERROR_RATE, Shape.CUSTOMERS})

CALENDAR: dict[CalendarUnit, str] = {"day": "1d", "week": "1w", "month": "1M", "quarter": "1Q", "year": "1Y"}
_SHORTHAND_S = {"m": 60, "h": 3600, "d": 86400, "w": 604_800}
# A moment at which a day, a week (on Monday), a month, a quarter and a year begin, for files that have to name one. Its
# zone is beside it in the file.
BEGINNING = datetime(2024, 1, 1)

# Where a rolling window is so many months: as the tables of the SRE books have them.
_NOMINAL_D = {"M": 30, "Q": 91, "Y": 365}


def shorthand(seconds: float) -> str | None:
    """`90m` for 5,400 s, in the largest unit that is whole; None for what is no whole number of minutes."""
    for unit in ("d", "h", "m"):
        if seconds > 0 and seconds % _SHORTHAND_S[unit] == 0:
            return f"{int(seconds // _SHORTHAND_S[unit])}{unit}"
    return None


def seconds(text: str) -> float | None:
    """Of a duration with minutes to weeks; None for another one, also for one of months, which have no length."""
    found = re.fullmatch(r"([1-9][0-9]*)([mhdw])", text)
    return None if found is None else float(int(found[1]) * _SHORTHAND_S[found[2]])


def nominal_days(text: str) -> int | None:
    """Of a duration of months, quarters or years."""
    found = re.fullmatch(r"([1-9][0-9]*)([MQY])", text)
    return None if found is None else int(found[1]) * _NOMINAL_D[found[2]]


def label(name: str) -> str:
    """A name as OpenSLO wants it: lower case, and dashes."""
    return re.sub(r"[^a-z0-9-]+", "-", name.lower()).strip("-")[:63]


def aligned(unit: CalendarUnit, local: datetime) -> bool:
    """Does such a period begin at that moment?"""
    midnight = (local.hour, local.minute, local.second) == (0, 0, 0)
    fits = {
        "day": True, "week": local.weekday() == 0, "month": local.day == 1,
        "quarter": local.day == 1 and local.month % 3 == 1, "year": (local.month, local.day) == (1, 1),
    }  # fmt: skip
    return midnight and fits[unit]


def number(value: float) -> str:
    """With all its digits, and none that floating point made up."""
    return format(Decimal(f"{value:.12g}"), "f")
