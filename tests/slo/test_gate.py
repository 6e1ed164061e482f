"""When the error budgets forbid a run."""

# ruff: noqa: E501 (a row of a table is one line)
from __future__ import annotations

import pytest
from msgspec.structs import replace

from chaos.model.charge import PlannedSlo
from chaos.model.objective import Condition, Op
from chaos.model.plan import Plan, PlannedFault, PlannedStep
from chaos.model.sli import Shape, Source
from chaos.model.slo import Gates
from chaos.slo.gate import reasons, worst_case
from chaos.slo.status import BudgetStatus
from chaos.units import Duration, Rate, Ratio
from tests.slo.conftest import AVAILABLE, SALE

GATES = Gates(applies_to="real")
WELL = BudgetStatus(slo="sale", objective="availability >= 99.9%", window="sale", kind="real", left=0.25, burn=0.99)


def plan(*abort: Condition, seconds: float = 60, faults: int = 1) -> Plan:
    fault = PlannedFault(
        id="1.1", kind="kill", places=("web-1",), duration=Duration(seconds), fault={}, text="kill", step=0
    )
    return Plan(
        title="t", experiment="e.yaml", target="shop", platform="embedded", variant="default", seed=1, load="none",
        rate=Rate(0), patience=Duration(10), warm_up=Duration(0), recovery=Duration(14), windows=(),
        steps=tuple(PlannedStep(index=i, faults=(fault,)) for i in range(faults)), abort=abort,
    )  # fmt: skip


def guard(threshold: float = 0.25, hold: float = 3, shape: Shape = Shape.ERROR_RATE, **more: object) -> Condition:
    return Condition(
        text="a guard", sli="error-rate", source=Source.LOAD, shape=shape, op=Op.GT, threshold=threshold,
        budget=threshold if threshold < 1 else 0.01, hold=Duration(hold), **more,  # type: ignore[arg-type]
    )  # fmt: skip


def test_a_run_at_the_limits_may_begin() -> None:
    """25 % left, a burn below 1, 20 % of what is left at worst."""
    assert reasons(GATES, WELL, 0.05) == ()


@pytest.mark.parametrize(
    ("change", "worst", "words"),
    [
        ({"left": 0.249}, 0.0, "sale (availability >= 99.9%, sale): 24.9 % of its real budget is left, and a run needs 25%"),
        ({"left": -0.4}, 0.0, "nothing of its real budget is left"),
        ({"burn": 1.0}, 0.0, "the last hour burnt at 1 times the allowed rate, and a run needs less than 1"),
        ({}, 0.051, "at worst the run costs 20.4 % of what is left of its real budget, and may cost 20%"),
        ({}, 2.0, "at worst the run costs 800 % of what is left"),
        ({"left": None, "note": "no answer within 2 s"}, 0.0, "its budget is not known: no answer within 2 s"),
    ],
)  # fmt: skip
def test_each_gate_says_what_shut_it(change: dict[str, object], worst: float, words: str) -> None:
    """The figure, and the one that it takes. What nobody knows is no permission."""
    [said] = reasons(GATES, replace(WELL, **change), worst)
    assert words in said


def test_no_traffic_in_the_last_hour_burns_nothing() -> None:
    """0/0 shuts no gate."""
    assert reasons(GATES, replace(WELL, burn=None), 0.0) == ()


def test_every_gate_can_be_set() -> None:
    """In the target file."""
    strict = Gates(budget_left=Ratio(0.5), burn_rate=0.5, worst_case=Ratio(0.01))
    assert len(reasons(strict, WELL, 0.01)) == 3


@pytest.mark.parametrize(
    ("abort", "faults", "bad_s"),
    [
        ((), 1, 60 + 10 + 14), ((), 2, 168),
        # The guard's 3 s, its second, the lease's 10 s, the recovery's 14; unseen, a quarter of 84 s is less.
        ((guard(),), 1, 28), ((guard(0.9),), 1, 0.9 * 84), ((guard(), guard(hold=1)), 1, 26),
        # Two injections: one unseen, then one that is seen.
        ((guard(),), 2, 28 + 0.25 * 168),
        # A guard on speed, or on another step, sees no failures.
        ((guard(2.0, shape=Shape.LATENCY),), 1, 84), ((guard(steps=("checkout",)),), 1, 84),
    ],
)  # fmt: skip
def test_the_worst_case_is_what_no_guard_sees(abort: tuple[Condition, ...], faults: int, bad_s: float) -> None:
    """In seconds of outage, against the 86.4 s of a day at 99.9 %."""
    assert worst_case(plan(*abort, faults=faults), SALE, 1.0) == pytest.approx(bad_s / 86.4)


def test_a_smaller_blast_costs_less() -> None:
    """One of three instances reaches a third of the customers."""
    assert worst_case(plan(), SALE, 1 / 3) == pytest.approx(28 / 86.4)
    assert worst_case(plan(faults=0), SALE, 1.0) == 0.0


def test_a_guard_on_speed_sees_slowness_if_it_is_as_strict() -> None:
    """p99 > 5 s would never see what p99 < 2 s is about."""
    slow = replace(AVAILABLE, shape=Shape.LATENCY, threshold=2.0, budget=0.01)
    slo = replace(SALE, condition=slow)
    unguarded = worst_case(plan(), slo, 1.0)
    assert worst_case(plan(guard(5.0, shape=Shape.LATENCY)), slo, 1.0) == unguarded
    assert worst_case(plan(guard(2.0, shape=Shape.LATENCY)), slo, 1.0) < unguarded


@pytest.mark.parametrize(
    ("shape", "op", "limit", "against", "sees"),
    [
        (Shape.HISTOGRAM, Op.GT, 5.0, Op.LT, False), (Shape.HISTOGRAM, Op.GT, 2.0, Op.LT, True),
        (Shape.GAUGE, Op.GT, 5.0, Op.LT, False), (Shape.GAUGE, Op.GT, 2.0, Op.LT, True),
        (Shape.GAUGE, Op.LT, 1.0, Op.GE, False), (Shape.GAUGE, Op.LT, 2.0, Op.GE, True),
        (Shape.GAUGE, Op.LT, 2.0, Op.LT, False),
    ],
)  # fmt: skip
def test_a_guard_on_real_users_must_be_as_strict_too(
    shape: Shape, op: Op, limit: float, against: Op, sees: bool
) -> None:
    """Against an objective at 2: a guard on the same SLI that looks at 5 lets everything between them pass."""
    real = {"sli": "waited.p99" if shape is Shape.HISTOGRAM else "waiting", "source": Source.PROMQL, "shape": shape}
    slo = replace(SALE, condition=replace(AVAILABLE, op=against, threshold=2.0, budget=0.01, **real))
    watching = replace(guard(), op=op, threshold=limit, budget=0.01, **real)
    assert (worst_case(plan(watching), slo, 1.0) < worst_case(plan(), slo, 1.0)) is sees


@pytest.mark.parametrize(
    ("change", "sees"),
    [
        ({}, True), ({"shape": Shape.THROUGHPUT}, True), ({"steps": ("checkout",)}, False),
        ({"shape": Shape.TRANSACTIONS}, False), ({"shape": Shape.CUSTOMERS}, False),
    ],
)  # fmt: skip
def test_a_guard_on_all_requests_does_not_see_a_part_of_them(change: dict[str, object], sees: bool) -> None:
    """All checkouts may fail, and with them every transaction, while fewer than a quarter of the requests do."""
    slo = replace(SALE, condition=replace(AVAILABLE, **change))
    assert (worst_case(plan(guard()), slo, 1.0) < worst_case(plan(), slo, 1.0)) is sees


def test_by_time_slices_a_second_spoils_a_minute() -> None:
    """28 s lie in one slice or in two; a day has 1,440, of which 1.44 may be bad."""
    slo: PlannedSlo = replace(SALE, budgeting="timeslices", slice=Duration(60), slice_target=Ratio(0.95))
    assert worst_case(plan(guard()), slo, 1.0) == pytest.approx(2 / 1.44)
