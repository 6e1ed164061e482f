"""What a target promises: SLOs, events, SLAs, gates."""

# ruff: noqa: E501 (a row of a table is one line)
from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from msgspec.structs import replace

from chaos.errors import SpecError
from chaos.model.slo import Gates, Money, Sla, Slo, SloWindow, Tier
from chaos.spec import load_target
from chaos.units import Duration, Ratio

Write = Callable[..., Path]
OLD = "  - {objective: pages.p99 < 2s, window: sale}\n"
MORE = """\
  - {name: busy, objective: transactions >= 99.5%, window: {calendar: month, time-zone: Europe/Berlin}}
  - {objective: availability >= 99.9%, window: 28d, budgeting: timeslices, slice: 1m, slice-target: 95%}
  - {objective: pages.p99 < 2s, window: sale}
events:
  sale: {starts: 2026-12-01T10:00:00+01:00, lasts: 24h, traffic: flash-sale}
slas:
  shop:
    slos: [busy]
    to: the owners
    fee: 12000 EUR
    penalties: [{below: 99%, credit: 25%}, {credit: 10%}]
    incentives: [{at-least: 99.9%, amount: 500.50 EUR}]
gates: {applies-to: all, budget-left: 50%}
"""


def test_a_promise_is_read_whole(target: Write) -> None:
    """Names are made where none is given, tiers are sorted, and what is left out has its default."""
    shop = load_target(target((OLD, MORE)))
    assert [slo.name for slo in shop.slos] == ["availability-30d", "busy", "availability-28d", "pages-p99-sale"]
    first = Slo(
        name="availability-30d", condition="availability >= 99.9%", window=SloWindow(rolling=Duration(30 * 86400))
    )
    assert shop.slos[0] == replace(first, objective=shop.slos[0].objective)
    assert [slo.goal for slo in shop.slos] == [0.999, 0.995, 0.999, 0.99]
    assert shop.slos[1].window == SloWindow(calendar="month", time_zone="Europe/Berlin")
    assert (shop.slos[2].budgeting, shop.slos[2].slice, shop.slos[2].slice_target) == ("timeslices", 60.0, 0.95)
    assert shop.events["sale"].starts == datetime(2026, 12, 1, 9, tzinfo=UTC)
    assert shop.slas == (
        Sla(
            name="shop", slos=("busy",), to="the owners", fee=Money(hundredths=1_200_000, currency="EUR"),
            penalties=(Tier(share=Ratio(0.1)), Tier(limit=Ratio(0.99), share=Ratio(0.25))),
            incentives=(Tier(limit=Ratio(0.999), amount=Money(hundredths=50_050, currency="EUR")),),
        ),
    )  # fmt: skip
    assert shop.gates == Gates(applies_to="all", budget_left=Ratio(0.5), worst_case=Ratio(0.2))


def test_the_short_form_is_enough(target: Write) -> None:
    """A file that only knows objectives and windows is as right as ever; the sale is a day, and has no date."""
    shop = load_target(target())
    assert [str(slo.window) for slo in shop.slos] == ["30d", "sale"]
    assert (shop.events["sale"].starts, shop.events["sale"].lasts, shop.slas) == (None, Duration(86400), ())


def test_a_gauge_says_beside_its_sentence_what_share_must_be_good(target: Write) -> None:
    """95 % of its readings, where nothing is said."""
    more = "  - {objective: stock-left >= 1, target: 99.9%, window: 7d}\n  - {objective: stock-left >= 2, window: 7d}\n"
    shop = load_target(target((OLD, more.replace(">= 2, window", ">= 2, name: usual, window"))))
    assert [slo.goal for slo in shop.slos[1:]] == [0.999, 0.95]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("window: 28d", "window: salle", "slos[2].window: 'salle' is not a duration; write it with its unit, for example 300ms, 2s, 5m or 1h, or an event. Did you mean 'sale'?"),
        ("window: 28d", "window: month", "a calendar's window is {calendar: month}"),
        ("window: 28d", "window: 0d", "slos[2].window: must be more than 0s"),
        ("window: 28d", "window: 28", "slos[2].window: expected text or a mapping; got the number 28"),
        ("calendar: month", "calendar: fortnight", "slos[1].window.calendar: 'fortnight' is not one of them"),
        ("Europe/Berlin", "Europe/Brelin", "slos[1].window.time-zone: unknown time zone 'Europe/Brelin'; write it like Europe/Berlin. Did you mean 'Europe/Berlin'?"),
        ("Europe/Berlin", "../../etc/passwd", "unknown time zone"),
        ("name: busy", "name: availability-30d", "slos[1].name: 'availability-30d' is the name of slos[0] already"),
        ("name: busy", "name: 9x", "slos[1].name: '9x' cannot be a name here"),
        ("transactions >= 99.5%", "transactions >= 100%", "slos[1].objective: `transactions >= 100%` allows nothing at all"),
        ("transactions >= 99.5%", "transactions >= 0%", "slos[1].objective: `transactions >= 0%` allows everything"),
        ("transactions >= 99.5%", "transactions >= .nan", "slos[1].objective: 'transactions'"),
        ("transactions >= 99.5%", "stock-left >= 1, target: 100%", "slos[1].target: a target of 100% leaves no error budget"),
        ("transactions >= 99.5%", "transactions >= 99.5%, target: 99%", "slos[1].target: `transactions >= 99.5%` says itself what share must be good"),
        ("transactions >= 99.5%", "stock-lef >= 1, target: 99%", "slos[1].objective: unknown SLI 'stock-lef'"),
        ("slice: 1m, slice-target: 95%", "slice: 1m", "slos[2]: timeslices need slice (how long one is) and slice-target"),
        ("slice: 1m", "slice: 30d", "slos[2].slice: is longer than the window, 28d"),
        ("slice-target: 95%", "slice-target: 0%", "slos[2].slice-target: must be more than 0%"),
        ("budgeting: timeslices", "budgeting: occurrences", "slos[2].slice: belongs to `budgeting: timeslices`"),
        ("budgeting: timeslices", "budgeting: time-slices", "slos[2].budgeting: 'time-slices' is not one of them. Did you mean 'timeslices'?"),
        ("10:00:00+01:00", "10:00:00", "events.sale.starts: '2026-12-01T10:00:00' is not a moment; write it with its offset"),
        ("2026-12-01T10", "9999-12-01T10", "events.sale.starts: '9999-12-01T10:00:00+01:00' is in no year from 1970 to 2999"),
        ("2026-12-01T10", "2026-13-01T10", "events.sale.starts: '2026-13-01T10:00:00+01:00' is not a moment"),
        ("lasts: 24h", "lasts: 0h", "events.sale.lasts: must be more than 0s"),
        ("traffic: flash-sale", "traffic: flashsale", "events.sale.traffic: unknown traffic profile 'flashsale'. Did you mean 'flash-sale'?"),
        ("slos: [busy]", "slos: [bussy]", "slas.shop.slos[0]: unknown SLO 'bussy'. Did you mean 'busy'?"),
        ("slos: [busy]", "slos: []", "slas.shop.slos: must be not empty"),
        ("slos: [busy]", "slos: [busy, pages-p99-sale]", "slas.shop.slos: their windows are month (Europe/Berlin) and sale; an SLA counts over one"),
        ("fee: 12000 EUR", "fee: 12000", "slas.shop.fee: the number 12000 does not have the form of 12000 EUR"),
        ("fee: 12000 EUR", "fee: 12000 Euro", "slas.shop.fee: '12000 Euro' does not have the form of 12000 EUR"),
        ("fee: 12000 EUR", "fee: 12000 USD", "slas.shop: amounts in EUR and USD cannot be compared"),
        ("    fee: 12000 EUR\n", "", "slas.shop: shares of the fee and amounts can only be compared when the fee is said"),
        ("{credit: 10%}", "{below: 99%, credit: 10%}", "slas.shop.penalties[1]: overlaps with penalties[0], which has the same limit"),
        ("{credit: 10%}", "{credit: 30%}", "slas.shop.penalties: the step at 99% is due for no more than the one before it"),
        ("{credit: 10%}", "{credit: 10%, amount: 5 EUR}", "slas.shop.penalties[1]: needs exactly one of credit and amount"),
        ("{below: 99%,", "{below: 99.9%,", "slas.shop.penalties: a penalty below 99.9%, although the objective is met from 99.5% on"),
        ("{at-least: 99.9%", "{at-least: 99%", "slas.shop.incentives: an incentive from 99% on, although the objective is 99.5%"),
        ("applies-to: all", "applies-to: some", "gates.applies-to: 'some' is not one of them"),
        ("budget-left: 50%", "budget-left: 50", "gates.budget-left: '50' is not a ratio"),
        ("fee: 12000 EUR", "fee: &a 12000 EUR", "anchors (&a) are refused"),
    ],
)  # fmt: skip
def test_a_wrong_promise_says_where_and_what(target: Write, old: str, new: str, words: str) -> None:
    """The line, the place, the nearest word."""
    path = target((OLD, MORE))
    text = path.read_text()
    assert old in text.split("\nslos:")[1]
    path.write_text(text.split("\nslos:")[0] + "\nslos:" + text.split("\nslos:")[1].replace(old, new, 1))
    with pytest.raises(SpecError) as caught:
        load_target(path)
    assert words in str(caught.value)
    assert caught.value.line is not None
