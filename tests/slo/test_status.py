"""What is left of the budgets."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from chaos.model.charge import Charge, ChargedRun
from chaos.model.slo import BudgetKind, Slo, SloEvent, SloWindow
from chaos.report.slos import render
from chaos.slo.status import BudgetStatus, real, virtual
from chaos.units import Duration, Ratio
from tests.slo.conftest import AVAILABLE

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
SLO = Slo(
    name="up", condition=AVAILABLE.text, window=SloWindow(rolling=Duration(30 * 86400)), objective=AVAILABLE
)  # fmt: skip
SALE = SloEvent(name="sale", starts=NOW - timedelta(hours=6), lasts=Duration(86400))


def run(spent: float, days_ago: float, *, kind: BudgetKind = "virtual", slo: str = "up", said: str = "") -> ChargedRun:
    charge = Charge(
        slo=slo, objective=said or AVAILABLE.text, window="30d", budget=kind, bad=1, total=2, allowed=3, spent=spent
    )
    return ChargedRun(run=f"r{days_ago}", title="t", started_at=NOW - timedelta(days=days_ago), charge=charge)


class Users:
    """Counts users by hand: (since, until) in hours ago -> (bad, total)."""

    def __init__(self, counts: dict[tuple[float, float], tuple[float, float]]) -> None:
        self._counts = counts

    def counted(self, slo: Slo, since: datetime, until: datetime) -> tuple[float, float] | None:
        return self._counts.get(((NOW - since) / timedelta(hours=1), (NOW - until) / timedelta(hours=1)))


def of(slo: Slo, users: Users | None, charged: Sequence[ChargedRun] = (), **events: SloEvent) -> BudgetStatus:
    return real(slo, events, charged, NOW, users)


def test_rehearsals_add_up_in_the_window() -> None:
    """Those of another objective, another SLO, another budget and another month do not."""
    runs = [
        run(0.1, 0.1), run(0.3, 29), run(0.2, 31), run(0.5, 1, slo="other"), run(0.5, 1, kind="real"),
        run(0.5, 1, said="availability >= 99%"),
    ]  # fmt: skip
    found = virtual(SLO, {}, runs, NOW)
    assert (found.left, found.runs, found.last, found.worst) == (pytest.approx(0.6), 2, 0.1, 0.3)
    monthly = virtual(replace(SLO, window=SloWindow(calendar="month")), {}, [run(0.1, 24), run(0.1, 26)], NOW)
    assert monthly.runs == 1  # the month began 24.5 days ago


def test_a_sale_ahead_has_the_rehearsals_of_thirty_days() -> None:
    """They come before it."""
    ahead = {"sale": replace(SALE, starts=NOW + timedelta(days=6))}
    assert virtual(replace(SLO, window=SloWindow(event="sale")), ahead, [run(0.1, 5), run(0.1, 40)], NOW).runs == 1


def test_a_rolling_budget_is_of_the_users_that_there_were() -> None:
    """40 of 100,000 when 100 may be bad; 3 of 1,000 in the last hour is a burn of 3."""
    found = of(SLO, Users({(720, 0): (40, 100_000), (1, 0): (3, 1000)}))
    assert (found.left, found.burn, found.allowed) == (pytest.approx(0.6), pytest.approx(3), pytest.approx(100))


def test_a_window_that_is_not_over_is_read_ahead() -> None:
    """Six hours into a sale with 250,000 requests so far, a million are expected: 1,000 may be bad."""
    sale = replace(SLO, window=SloWindow(event="sale"))
    found = of(sale, Users({(6, 0): (250, 250_000), (1, 0): (0, 0)}), sale=SALE)
    assert (found.left, found.allowed, found.burn) == (pytest.approx(0.75), pytest.approx(1000), None)
    slices = replace(sale, budgeting="timeslices", slice=Duration(60), slice_target=Ratio(0.95))
    assert of(slices, Users({(6, 0): (1, 300)}), sale=SALE).allowed == pytest.approx(1.44)


def test_before_and_after_the_sale() -> None:
    """Nothing is spent of what has not begun; when it is over, nothing burns any more."""
    sale = replace(SLO, window=SloWindow(event="sale"))
    ahead = of(sale, Users({}), sale=replace(SALE, starts=NOW + timedelta(days=5, hours=21)))
    assert (ahead.left, ahead.burn, ahead.note) == (1.0, None, "sale begins in 5 d 21 h")
    assert of(sale, Users({}), sale=replace(SALE, starts=None)).note == "sale has no date yet"
    over = of(sale, Users({(48, 24): (10, 10_000)}), sale=replace(SALE, starts=NOW - timedelta(days=2)))
    assert (over.left, over.burn) == (pytest.approx(0.0), None)


def test_a_window_without_traffic_is_whole() -> None:
    """And says that it is."""
    found = of(SLO, Users({(720, 0): (0.0, 0.0)}))
    assert (found.left, found.burn, found.note) == (1.0, None, "no traffic in the window")


def test_what_nothing_counts_is_not_known() -> None:
    """A misspelt metric does not leave a whole budget, which would open every gate."""
    found = of(SLO, Users({}))
    assert (found.left, found.note) == (None, "cannot be read: nothing counts it in the window")


def test_without_a_source_only_what_runs_did_is_known() -> None:
    """Or nothing at all."""
    assert of(SLO, None).left is None
    found = of(SLO, None, [run(0.1, 1, kind="real")])
    assert (found.left, found.note) == (0.9, "the recorded runs alone")


@pytest.mark.parametrize("width", [80, 120])
def test_the_table_fits(width: int) -> None:
    """With long names, with figures of every kind, and the worst ones marked."""
    charged = [run(0.004, 1), run(1.5, 2)]
    long = replace(SLO, name="a-very-long-name-for-an-objective", condition="a-group-of-steps.availability >= 99.95%")
    far = replace(SLO, window=SloWindow(calendar="month", time_zone="America/Argentina/Ushuaia"))
    rows = [
        virtual(SLO, {}, charged, NOW), virtual(long, {}, [], NOW), of(SLO, Users({(720, 0): (40, 100_000)})),
        of(SLO, None), of(far, None),
    ]  # fmt: skip
    text = render("shop", rows, width=width, colour=False)
    assert max(map(len, text.splitlines())) <= width
    assert "-50.4 %" in text
    assert ("2 runs, worst 150 %, last 0.4 %" if width == 120 else "2 runs") in text
    assert "no run yet" in text
    assert ("a-group-of-steps.availability…" if width == 120 else "a-group-of-steps.availability >= 99.95%") in text
