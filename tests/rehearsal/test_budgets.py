"""A run is refused while the error budget forbids it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from chaos import planner
from chaos.errors import Refused
from chaos.model.charge import Charge
from chaos.model.journal import RunInfo
from chaos.model.plan import Plan
from chaos.model.slo import Gates
from chaos.model.target import Target
from chaos.model.verdict import Outcome, Status, Verdict
from chaos.rehearsal.budgets import blast, within_budget
from chaos.spec import load_experiment
from chaos.store import Store

ROOT = Path(__file__).parents[2]


@pytest.fixture
def made() -> tuple[Plan, Target]:
    experiment, target = load_experiment(ROOT / "experiments" / "web-crash.yaml")
    inventory = planner.planned_inventory(target, "resilient", "embedded")
    return planner.plan(experiment, target, inventory, variant="resilient", seed=1), target


def spend(store: Store, plan: Plan, spent: float, kind: str) -> None:
    """A run of a moment ago."""
    info = RunInfo(id=f"r-{kind}-{spent}", started_at=datetime.now(UTC))
    store.record(info, plan).finish("completed")
    charge = Charge(
        slo="sale-available", objective="availability >= 99.99%", window="sale", budget=kind,  # type: ignore[arg-type]
        bad=1, total=2, allowed=3, spent=spent,
    )  # fmt: skip
    store.save_verdict(
        Verdict(
            run=info.id, status=Status.COMPLETED, outcome=Outcome.HELD, exit_code=0, reasons=(), checks=(),
            charges=(charge,),
        )
    )  # fmt: skip


def test_a_virtual_budget_refuses_nothing_by_default(made: tuple[Plan, Target], tmp_path: Path) -> None:
    """A rehearsal is there to spend it."""
    plan, target = made
    with Store.open(tmp_path / "runs.db") as store:
        spend(store, plan, 5.0, "virtual")
        assert within_budget(plan, target, store, ignore=False) == plan


def test_with_every_run_gated_it_does(made: tuple[Plan, Target], tmp_path: Path) -> None:
    """75, with what was spent and what it takes; with --ignore-budget the plan says so, and who it was."""
    plan, target = made
    strict = replace(target, gates=Gates(applies_to="all"))
    with Store.open(tmp_path / "runs.db") as store:
        spend(store, plan, 0.9, "virtual")
        with pytest.raises(Refused) as refused:
            within_budget(plan, strict, store, ignore=False)
        assert "sale-available (availability >= 99.99%, sale): 10 % of its virtual budget is left" in str(refused.value)
        assert "--ignore-budget" in str(refused.value)
        assert refused.value.exit_code == 75
        went = within_budget(plan, strict, store, ignore=True)
        assert went.budgets.ignored.startswith("sale-available (")
        assert replace(went, budgets=plan.budgets) == plan


def test_real_users_budget_refuses_by_default(made: tuple[Plan, Target], tmp_path: Path) -> None:
    """What earlier runs made them feel is known without any Prometheus; `gates: {applies-to: none}` lets it pass."""
    plan, target = made
    # The sale has begun, or nothing of its budget could be spent.
    begins = datetime.now(UTC) - timedelta(hours=1)
    target = replace(target, events={"sale": replace(target.events["sale"], starts=begins)})
    slos = tuple(replace(slo, begins=begins) for slo in plan.budgets.slos)
    plan = replace(plan, budgets=replace(plan.budgets, kind="real", slos=slos))
    with Store.open(tmp_path / "runs.db") as store:
        assert within_budget(plan, target, store, ignore=False) == plan
        spend(store, plan, 0.8, "real")
        with pytest.raises(Refused, match="20 % of its real budget is left"):
            within_budget(plan, target, store, ignore=False)
        later = replace(plan, budgets=replace(plan.budgets, slos=tuple(replace(s, begins=None) for s in slos)))
        assert within_budget(later, target, store, ignore=False) == later
        never = replace(target, gates=Gates(applies_to="none"))
        assert within_budget(plan, never, store, ignore=False) == plan


def test_the_blast_is_the_share_of_the_instances_that_are_hit(made: tuple[Plan, Target]) -> None:
    """One of three web servers; one caller of three; all of it where nothing can be told."""
    plan, target = made
    [step] = [step for step in plan.steps if step.faults]

    def on(*places: str) -> float:
        fault = replace(step.faults[0], places=places)
        return blast(replace(plan, steps=(replace(step, faults=(fault,)),)), target)

    def together(*places: str) -> float:
        faults = tuple(replace(step.faults[0], places=(place,)) for place in places)
        return blast(replace(plan, steps=(replace(step, faults=faults),)), target)

    assert on("web-1") == pytest.approx(1 / 3)
    assert on("web-1 -> db", "web-2 -> db") == pytest.approx(2 / 3)
    assert on("web-1", "web-2", "web-3", "web-4") == 1.0
    assert on("traffic") == 1.0
    assert together("web-1", "web-2", "web-3") == 1.0
    assert together("web-1", "web-1 -> db") == pytest.approx(1 / 3)
    assert together("web-1", "cache") == 1.0
