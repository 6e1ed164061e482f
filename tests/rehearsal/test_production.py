"""Production: armed by name, with a guard, with the smallest dose."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from chaos import planner
from chaos.engine.halt import person
from chaos.errors import Refused
from chaos.model.target import Target
from chaos.rehearsal.production import Arming, refuse_unarmed, refuse_unsafe_plan
from chaos.spec import load_experiment, load_target

ROOT = Path(__file__).parents[2]
LOCAL = load_target(ROOT / "targets/shop.yaml")
PRODUCTION = msgspec.structs.replace(LOCAL, environment="production")
GUARDED = "abort: [error-rate > 5% for 3s]\n"


@pytest.fixture
def refuse(tmp_path: Path) -> Callable[..., None]:
    """Plan a method on a target and look whether it may run there."""

    def plan(step: str, extra: str = GUARDED, target: Target = PRODUCTION) -> None:
        path = tmp_path / "x.yaml"
        path.write_text(
            "title: x\ntarget: shop\nwindows: {before: 30s, after: 60s}\nhypothesis: [availability >= 99%]\n"
            f"{extra}method:\n  - {step}\n"
        )
        experiment = load_experiment(path, target=target)[0]
        inventory = planner.planned_inventory(target, "resilient", "embedded")
        planned = planner.plan(experiment, target, inventory, variant="resilient", seed=1, allow_undecidable=True)
        refuse_unsafe_plan(experiment, target, inventory, planned)

    return plan


@pytest.mark.parametrize("armed", ["", "Shop", "shop "])
def test_production_is_refused_unless_its_name_is_given(armed: str) -> None:
    """Exactly, and it says how."""
    with pytest.raises(Refused, match=r"--arm shop.*SALEPROOF_ARM=shop"):
        refuse_unarmed(PRODUCTION, Arming(name=armed))
    assert refuse_unarmed(PRODUCTION, Arming(name="shop")) == person()


@pytest.mark.parametrize("environment", ["local", "staging"])
def test_elsewhere_nobody_is_asked(environment: str) -> None:
    assert refuse_unarmed(msgspec.structs.replace(LOCAL, environment=environment), Arming()) == ""


@pytest.mark.parametrize(
    "step",
    [
        "latency: {link: web -> db, delay: 300ms, for: 60s, share: 1/3}",
        "latency: {link: web-1 -> db, delay: 300ms, for: 60s}",
        "latency: {link: web -> db, delay: 300ms, for: 60s, share: 100%}",
        "pause: {service: web, for: 60s, share: 1/3}",
        "pause: {service: cache, for: 60s}",
        "partition: {between: [[web-1], [db]], for: 60s}",
        "surge: {times: 2, for: 60s}",
        "timeout: {link: replica -> db, for: 60s, toxicity: 20%}",
        "timeout: {link: replica -> db, for: 60s, toxicity: 100%}",
        "down: {link: replica -> db, for: 60s}",
    ],
)
def test_a_small_dose_may_run(refuse: Callable[..., None], step: str) -> None:
    """One place, some of them, or all of them in so many words."""
    refuse(step)


@pytest.mark.parametrize(
    "step",
    [
        "latency: {link: web -> db, delay: 300ms, for: 60s}",
        "latency: {link: web -> db, delay: 300ms, for: 60s, share: 90%}",
        "pause: {service: web, for: 60s}",
        "partition: {between: [[web], [db]], for: 60s}",
    ],
)
def test_all_of_them_at_once_is_refused(refuse: Callable[..., None], step: str) -> None:
    """In production only; 90 % of three is all three. It names the line and the remedy."""
    with pytest.raises(Refused, match=r"x.yaml:\d+: .* acts on all 3 at once .*; (say share: 1/3|name two instances)"):
        refuse(step)
    refuse(step, target=LOCAL)


@pytest.mark.parametrize("words", ["", ", share: 100%"])
def test_every_connection_of_the_only_link_is_refused(refuse: Callable[..., None], words: str) -> None:
    """It has no instances to take some of, but connections; a share of 1 of 1 says nothing."""
    step = f"timeout: {{link: replica -> db, for: 60s{words}}}"
    with pytest.raises(Refused, match=r"x.yaml:\d+: timeout meets every connection of replica -> db.*toxicity: 10%"):
        refuse(step)
    refuse(step, target=LOCAL)


def test_production_needs_a_guard(refuse: Callable[..., None]) -> None:
    """Without an abort condition there is none."""
    step = "pause: {service: cache, for: 60s}"
    with pytest.raises(Refused, match="it has no abort condition"):
        refuse(step, extra="")
    refuse(step, extra="", target=LOCAL)


def test_a_proven_deviation_is_a_guard_too(refuse: Callable[..., None]) -> None:
    """`abort: [deviated]` says what is too bad to go on."""
    refuse("latency: {link: web-1 -> db, delay: 300ms, for: 60s}", extra="abort: [deviated]\n")
