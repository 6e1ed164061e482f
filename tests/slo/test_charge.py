"""What a run is charged for."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import timedelta

import msgspec
import pytest

from chaos.judge import judge
from chaos.model.base import to_json
from chaos.model.event import FaultInjected
from chaos.model.journal import Journal, Sample
from chaos.model.objective import Condition, Op
from chaos.model.sli import Shape, Source
from chaos.model.slo import Money, Sla, Tier
from chaos.report.console import render
from chaos.slo.charge import charges, sla_charges
from chaos.units import Duration, Ratio
from tests.slo.conftest import AVAILABLE, SALE

Write = Callable[..., Journal]


def test_synthetic_customers_spend_a_virtual_budget(journal: Write) -> None:
    """200 of the 2,000 requests during the fault failed. At four times the rate the sale's day has 34,560,000 requests,
    of which 34,560 may fail; four times as many customers would have felt the fault."""
    [charge] = charges(journal(SALE))
    assert (charge.budget, charge.bad, charge.total) == ("virtual", 200, 3000)  # the 10 s of recovery are charged too
    assert charge.allowed == pytest.approx(34_560)
    assert charge.spent == pytest.approx(800 / 34_560)
    assert charge.attained == pytest.approx(1 - 800 / 34_560_000)
    # Ten per cent of the requests failed while it was on: a hundred times what is allowed.
    assert charge.lasting == pytest.approx(864)
    assert charge.attained_lasting == pytest.approx(0.9)


def test_real_users_spend_the_real_budget(journal: Write) -> None:
    """Their counts come from elsewhere, and are charged as they are. A reading that is not a number is none."""
    seen = Condition(
        text="seen >= 99%", sli="seen", source=Source.PROMETHEUS, shape=Shape.COUNTER_RATIO, op=Op.GE, threshold=0.99,
        budget=0.01,
    )  # fmt: skip
    slo = msgspec.structs.replace(SALE, condition=seen, factor=1.0)
    readings = [Sample(at_s=float(s), sli="seen", good=40 if 20 <= s < 40 else 50, total=50) for s in range(70)]
    readings.append(Sample(at_s=25.5, sli="seen", good=float("nan"), total=50))
    [charge] = charges(journal(slo, rate=0, kind="real", samples=tuple(readings)))
    assert (charge.budget, charge.bad, charge.total) == ("real", 200, 1500)
    assert charge.allowed == pytest.approx(0.01 * 50 * 86400)


@pytest.mark.parametrize(("began_h_ago", "charged"), [(1, 1), (25, 0), (-1, 0), (None, 0)])
def test_real_users_of_another_day_are_not_the_sales(journal: Write, began_h_ago: int | None, charged: int) -> None:
    """What is promised for the sale is spent in the sale alone; a rehearsal spends its virtual budget at any time."""
    run = journal()
    begins = None if began_h_ago is None else run.run.started_at - timedelta(hours=began_h_ago)
    slo = msgspec.structs.replace(SALE, once=True, begins=begins)
    assert len(charges(journal(slo, kind="real"))) == charged
    assert len(charges(journal(slo))) == 1


def test_by_time_slices_a_slice_is_charged_as_a_whole(journal: Write) -> None:
    """Two slices of 10 s had too many failures; a day has 8,640, of which 8.64 may be bad."""
    slo = msgspec.structs.replace(SALE, budgeting="timeslices", slice=Duration(10), slice_target=Ratio(0.95))
    [charge] = charges(journal(slo))
    assert (charge.bad, charge.total, charge.allowed) == (2, 3, pytest.approx(8.64))
    assert charge.lasting == pytest.approx(86.4)


def test_what_was_not_measured_is_not_charged(journal: Write) -> None:
    """No traffic, no charge; no fault, no charge."""
    assert charges(journal(SALE, rate=0)) == ()
    assert charges(journal(SALE, injected=False)) == ()


def test_a_fault_still_in_place_is_charged_to_the_end(journal: Write) -> None:
    """Nobody knows that it was taken back."""
    assert charges(journal(SALE, reverted=False))[0].total == 5000


def test_one_of_two_still_in_place_is_charged_to_the_end(journal: Write) -> None:
    """The other one's revert ends nothing for the customers."""
    run = journal(SALE)
    other = FaultInjected(at_s=20.1, fault="1.2", place="web-2", took_s=0.1)
    assert charges(run)[0].total == 3000
    assert charges(dataclasses.replace(run, events=(*run.events, other)))[0].total == 5000


def test_an_sla_says_what_it_would_have_cost(journal: Write) -> None:
    """Once, it would have been within the objective; all day long, not."""
    sla = Sla(
        name="gold", slos=("sale",), fee=Money(hundredths=2_000_000, currency="EUR"),
        penalties=(Tier(share=Ratio(0.25)), Tier(limit=Ratio(0.95), share=Ratio(1.0))),
    )  # fmt: skip
    [due] = sla_charges((sla,), charges(journal(SALE)), (SALE,))
    assert (str(due.once), str(due.lasting)) == ("nothing", "20,000 EUR")
    [broken] = sla_charges((sla,), charges(journal(msgspec.structs.replace(SALE, length=Duration(600)))), (SALE,))
    assert str(broken.once) == "5,000 EUR"


def test_the_verdict_carries_it_and_the_screen_says_it(journal: Write) -> None:
    """In the JSON, the same twice, and in a few lines of at most 80 columns."""
    sla = Sla(name="gold", slos=("sale",), penalties=(Tier(share=Ratio(0.25)),))
    run = journal(SALE, msgspec.structs.replace(SALE, name="other", condition=AVAILABLE, factor=1.0), slas=(sla,))
    verdict = judge(run)
    assert to_json(verdict) == to_json(judge(run))
    text = render(verdict, run, colour=False)
    assert "sale: 200 of 3,000 bad, 2.3 % of the budget of sale at flash-sale traffic" in text
    assert "SLA gold: this once nothing; had the fault stayed, 25 % of the fee" in text
    assert max(map(len, text.splitlines())) <= 80
