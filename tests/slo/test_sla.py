"""What a missed promise costs."""

from __future__ import annotations

import pytest

from chaos.model.slo import Money, Sla, Tier
from chaos.slo.sla import cost
from chaos.units import Ratio

FEE = Money(hundredths=1_200_000, currency="EUR")
SLA = Sla(
    name="shop", slos=("up", "fast"), fee=FEE,
    penalties=(
        Tier(share=Ratio(0.1)), Tier(limit=Ratio(0.99), share=Ratio(0.25)),
        Tier(limit=Ratio(0.95), amount=Money(hundredths=2_000_050, currency="EUR")),
    ),
    incentives=(Tier(limit=Ratio(0.9999), share=Ratio(0.02)), Tier(limit=Ratio(0.99999), share=Ratio(0.05))),
)  # fmt: skip
GOALS = {"up": 0.999, "fast": 0.99}


@pytest.mark.parametrize(
    ("up", "fast", "due"),
    [
        (0.999, 0.99, "nothing"), (0.9989, 1.0, "1,200 EUR"), (0.99, 1.0, "1,200 EUR"), (0.9899, 1.0, "3,000 EUR"),
        (0.9, 1.0, "20,000.50 EUR"), (1.0, 0.98, "3,000 EUR"), (0.9989, 0.94, "20,000.50 EUR"),
        (1.0, 0.9995, "nothing"), (1.0, 0.9999, "a bonus of 240 EUR"), (1.0, 1.0, "a bonus of 600 EUR"),
    ],
)  # fmt: skip
def test_the_dearest_step_counts(up: float, fast: float, due: str) -> None:
    """Limits belong to the better side: exactly 99 % is not below 99 %."""
    assert str(cost(SLA, {"up": up, "fast": fast}, GOALS)) == due


def test_what_nobody_measured_costs_nothing_and_earns_nothing() -> None:
    """A bonus is for having shown all of it."""
    assert str(cost(SLA, {"up": 1.0}, GOALS)) == "nothing"
    assert str(cost(SLA, {"fast": 0.5}, GOALS)) == "20,000.50 EUR"
    assert str(cost(SLA, {}, GOALS)) == "nothing"


def test_without_a_fee_the_share_is_told() -> None:
    """Nobody has to write a price into a file."""
    sla = Sla(name="x", slos=("up",), penalties=(Tier(share=Ratio(0.1)),))
    assert str(cost(sla, {"up": 0.5}, GOALS)) == "10 % of the fee"
