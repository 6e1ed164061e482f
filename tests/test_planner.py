"""The planner: places, windows, and whether they can decide."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from chaos import planner
from chaos.errors import PlanError, SpecErrors, Unsupported
from chaos.model.base import from_json, to_json
from chaos.model.experiment import Experiment
from chaos.model.objective import ANY
from chaos.model.plan import Decision, Measured, Plan
from chaos.model.platform import CAPABILITIES, Inventory
from chaos.model.sli import Shape, Sli, Source
from chaos.model.target import Target
from chaos.planner.decisions import expected
from chaos.planner.inventory import PLANNED
from chaos.platforms.compose.platform import ComposePlatform
from chaos.platforms.embedded.platform import EmbeddedPlatform
from chaos.spec import condition, load_experiment, load_target
from chaos.stats.power import seconds_until
from chaos.stats.sequential import needed
from chaos.units import Duration, Rate

FILES = Path(__file__).parent / "spec" / "files"
TARGET = load_target(FILES / "targets" / "shop.yaml")
HEAD = "title: x\ntarget: shop\nwindows: {before: 30s, after: 60s}\nhypothesis: [checkout.p95 < 2s]\n"
LATENCY = "latency: {link: web -> db, delay: 300ms, for: 60s}"

Make = Callable[..., Plan]


@pytest.fixture
def experiment(tmp_path: Path) -> Callable[[str], Experiment]:
    """An experiment with that method, on the test's target."""

    def load(text: str, target: Target = TARGET) -> Experiment:
        path = tmp_path / "x.yaml"
        path.write_text(text)
        return load_experiment(path, target=target)[0]

    return load


@pytest.fixture
def make(experiment: Callable[..., Experiment]) -> Make:
    """Plan a method, given as YAML flow items, on the planned inventory."""

    def plan(
        *steps: str,
        head: str = HEAD,
        seed: int = 1,
        target: Target = TARGET,
        inventory: Inventory | None = None,
        allow_undecidable: bool = False,
        sources: tuple[Measured, ...] = (),
    ) -> Plan:
        method = "method:\n" + "".join(f"  - {step}\n" for step in steps)
        there = inventory or planner.planned_inventory(target, "resilient", "embedded")
        return planner.plan(
            experiment(head + method, target), target, there, variant="resilient", seed=seed,
            allow_undecidable=allow_undecidable, sources=sources,
        )  # fmt: skip

    return plan


def places(plan: Plan) -> tuple[str, ...]:
    return plan.steps[0].faults[0].places


def with_states(inventory: Inventory, **states: str) -> Inventory:
    instances = dict(inventory.instances)
    for name, state in states.items():
        word = name.replace("_", "-")
        instances[word] = msgspec.structs.replace(instances[word], state=state)
    return msgspec.structs.replace(inventory, instances=instances)


def test_a_link_means_every_proxy_between_running_instances(make: Make) -> None:
    """Spare slots have proxies too; nothing runs behind them."""
    assert places(make(LATENCY)) == ("web-1 -> db", "web-2 -> db", "web-3 -> db")
    assert places(make(LATENCY.replace("web ->", "web-2 ->"))) == ("web-2 -> db",)


def test_a_service_means_every_running_instance(make: Make) -> None:
    """And one instance's name means that one."""
    assert places(make("pause: {service: web, for: 60s}")) == ("web-1", "web-2", "web-3")
    assert places(make("pause: {service: web-3, for: 60s}")) == ("web-3",)
    assert places(make("pause: {service: db, for: 60s}")) == ("db",)


def test_the_rest_needs_no_place(make: Make) -> None:
    """The traffic is one place; what users bring is a place of its own."""
    assert places(make("surge: {times: 2, for: 60s}")) == ("traffic",)
    assert places(make("command: {run: ['true'], undo: ['true'], check: ['true'], for: 60s}")) == ("command",)


def test_a_partition_cuts_all_proxies_between_the_groups(make: Make) -> None:
    """Whoever dials; one way, the links that the second group dials lose what comes back, and say so."""
    both = make("partition: {between: [[db], [web-1, replica]], for: 60s}")
    assert places(both) == ("web-1 -> db", "replica -> db")
    one_way = make("partition: {between: [[db], [web-1, replica]], direction: one-way, for: 60s}")
    assert places(one_way) == ("web-1 -> db (answers)", "replica -> db (answers)")
    forth = make("partition: {between: [[web-1], [db, cache]], direction: one-way, for: 60s}")
    assert set(places(forth)) == {"web-1 -> db", "web-1 -> cache"}


def test_a_share_is_chosen_by_the_seed(make: Make) -> None:
    """The same seed takes the same ones; over many seeds everybody's turn comes."""
    step = "kill: {service: web, share: 1/3, for: 60s}"
    assert places(make(step, seed=5)) == places(make(step, seed=5))
    chosen = {places(make(step, seed=seed)) for seed in range(30)}
    assert chosen == {("web-1",), ("web-2",), ("web-3",)}
    assert places(make(step.replace("1/3", "100%"))) == ("web-1", "web-2", "web-3")
    assert len(places(make(step.replace("1/3", "1%")))) == 1, "a share is never nobody"
    assert len(places(make("down: {link: web -> db, share: 2/3, for: 60s}"))) == 2


def test_what_does_not_run_is_left_out_and_said(make: Make) -> None:
    """A stopped instance cannot be killed; the plan says that it is missing."""
    there = with_states(planner.planned_inventory(TARGET, "resilient", "embedded"), web_2="stopped", web_4="running")
    plan = make("kill: {service: web, for: 60s}", inventory=there)
    assert places(plan) == ("web-1", "web-3", "web-4")
    assert "kill leaves web-2 out: it is stopped" in plan.warnings


def test_a_fault_without_a_place_is_refused(make: Make) -> None:
    """A spare slot, or a service that is down altogether."""
    with pytest.raises(PlanError, match=r"x\.yaml:6: kill: 'web-5' is a spare slot, where nothing runs") as caught:
        make("kill: {service: web-5, for: 60s}")
    assert caught.value.exit_code == 65
    there = with_states(planner.planned_inventory(TARGET, "resilient", "embedded"), db="failed")
    with pytest.raises(PlanError, match="kill, db: nothing of it is running"):
        make("kill: {service: db, for: 60s}", inventory=there)


def test_a_fault_that_the_platform_cannot_do_is_refused(make: Make) -> None:
    """Before any traffic, with the words of DESIGN."""
    there = planner.planned_inventory(TARGET, "resilient", "embedded")
    weak = msgspec.structs.replace(there, platform="x", capabilities=frozenset({"Killable"}))
    with pytest.raises(
        Unsupported, match=r"x\.yaml:6: latency, web -> db: the platform 'x' has no LinkShaper"
    ) as caught:
        make(LATENCY, inventory=weak)
    assert caught.value.exit_code == 69
    assert make("kill: {service: db, for: 60s}", inventory=weak).steps
    with pytest.raises(Unsupported, match=r"pause, db: .*Pausable; latency, web -> db: .*LinkShaper"):
        make("pause: {service: db, for: 60s}", LATENCY, inventory=weak)


def test_a_fault_of_another_platform_is_told_where_it_is(make: Make) -> None:
    """What needs containers says which platform has them."""
    with pytest.raises(
        Unsupported, match=r"isolate, db: the platform 'embedded' has no NetworkShaper; it is on compose$"
    ):
        make("isolate: {service: db, for: 60s}")


def test_what_the_engines_kernel_lacks_is_said(make: Make) -> None:
    """A platform may have less on one machine than on another."""
    there = planner.planned_inventory(TARGET, "resilient", "compose")
    assert make("corrupt: {service: db, ratio: 5%, for: 60s}", inventory=there).steps
    without = msgspec.structs.replace(there, capabilities=there.capabilities - {"PacketMangler"})
    with pytest.raises(
        Unsupported, match=r"corrupt, db: the platform 'compose' has no PacketMangler here: the engine's kernel has no"
    ):
        make("corrupt: {service: db, ratio: 5%, for: 60s}", inventory=without)


def test_where_an_experiment_can_run_follows_from_its_faults() -> None:
    """Nobody has to say it."""
    root = Path(__file__).parents[1] / "experiments"
    assert planner.platforms_for(load_experiment(root / "web-crash.yaml")[0]) == ("embedded", "compose")
    assert planner.platforms_for(load_experiment(root / "flash-sale-surge.yaml")[0]) == ("embedded", "compose")
    assert planner.platforms_for(load_experiment(root / "cache-disk-full.yaml")[0]) == ("compose",)


def test_a_surge_needs_traffic(make: Make) -> None:
    """Without traffic there is nothing to multiply."""
    head = HEAD.replace("[checkout.p95 < 2s]", "[stock-left >= 1]") + "load: none\n"
    with pytest.raises(Unsupported, match="surge: the run has no traffic"):
        make("surge: {times: 2, for: 60s}", head=head)


def test_faults_at_once_must_not_undo_each_other(make: Make) -> None:
    """One state a service, one toxic of a kind a link."""
    with pytest.raises(PlanError, match="pause and kill are on web-1 at the same time; make them two steps"):
        make("together: [{kill: {service: web-1, for: 60s}}, {pause: {service: web, for: 60s}}]")
    with pytest.raises(PlanError, match="latency and latency are on web-1 -> db"):
        make(f"together: [{{{LATENCY}}}, {{{LATENCY.replace('web ->', 'web-1 ->')}}}]")
    assert make(f"together: [{{{LATENCY}}}, {{down: {{link: web -> cache, for: 20s}}}}]").steps[0].faults[1].id == "1.2"


def test_each_injection_has_its_windows(make: Make) -> None:
    """Before, during each, one shared window between two, after the last; a wait has none."""
    plan = make(
        LATENCY, "wait: 10s", "together: [{kill: {service: db, for: 60s}}, {surge: {times: 2, for: 90s}}]",
        "pause: {service: cache, for: 70s}",
    )  # fmt: skip
    seen = [(w.index, w.name, w.phase, w.step, float(w.length)) for w in plan.windows]
    assert seen == [
        (0, "before", "before", None, 30),
        (1, "during 1", "during", 0, 60),
        (2, "between 1 and 2", "after", 0, 60),
        (3, "during 2", "during", 2, 90),
        (4, "between 2 and 3", "after", 2, 60),
        (5, "during 3", "during", 3, 70),
        (6, "after 3", "after", 3, 60),
    ]
    assert [f.id for step in plan.steps for f in step.faults] == ["1.1", "2.1", "2.2", "3.1"]
    assert [step.index for step in plan.steps] == [0, 1, 2, 3]
    assert float(plan.length) == 5 + 10 + 3 * 15 + (30 + 60 + 60 + 90 + 60 + 70 + 60)
    assert plan.tests == 6


def test_between_is_the_longer_of_before_and_after(make: Make) -> None:
    """It is the one's after and the next one's before."""
    plan = make(LATENCY, LATENCY, head=HEAD.replace("before: 30s", "before: 80s"))
    assert [float(w.length) for w in plan.windows] == [80, 60, 80, 60, 60]


def test_during_has_its_own_conditions(make: Make) -> None:
    """What may be worse while the fault is on."""
    plan = make(LATENCY, head=HEAD + "during: [checkout.p95 < 3s, p99 < 5s]\n")
    texts = {w.name: [c.text for c in w.conditions] for w in plan.windows}
    assert texts["during 1"] == ["checkout.p95 < 3s", "p99 < 5s"]
    assert texts["before"] == texts["after 1"] == ["checkout.p95 < 2s"]


COMPARES = HEAD.replace("[checkout.p95 < 2s]", "[pages.p99 no worse than before, checkout.p95 < 2s]")


def test_what_is_compared_with_before_is_not_judged_before(make: Make) -> None:
    """It comes last in the other windows, so that a sentence has one number everywhere; and its test is counted."""
    plan = make(LATENCY, head=COMPARES)
    texts = [[c.text for c in window.conditions] for window in plan.windows]
    assert texts == [["checkout.p95 < 2s"], *[["checkout.p95 < 2s", "pages.p99 no worse than before"]] * 2]
    assert plan.tests == 4
    found = next(d for d in plan.decisions if d.window == "during 1" and d.condition.startswith("pages"))
    assert (found.needed, found.spare_failures, found.enough) == (1000, -1, True)


def test_a_comparison_takes_three_blocks_before_and_during(make: Make) -> None:
    """Whichever of its windows is too short, it is said what is needed of each."""
    for old, new in (("before: 30s", "before: 20s"), ("after: 60s", "after: 20s")):
        with pytest.raises(PlanError, match=r"a comparison takes 30 s and 1,000 samples in each window"):
            make(LATENCY, head=COMPARES.replace(old, new))


def decision(plan: Plan, window: str) -> Decision:
    return next(d for d in plan.decisions if d.window == window)


def test_a_decision_says_what_comes_and_what_it_takes(make: Make) -> None:
    """3 of 13 journeys buy: 25/s for 60 s are 346 checkouts; 59 good ones prove 5 %, 346 spare a few."""
    plan = make(LATENCY)
    before, during = decision(plan, "before"), decision(plan, "during 1")
    assert before.expected == pytest.approx(25 * 30 * 3 / 13, abs=0.01)
    assert (before.needed, before.enough) == (100, True)
    assert during.expected == pytest.approx(25 * 60 * 3 / 13, abs=0.01)
    assert (during.needed, during.enough) == (59, True)
    assert 5 <= during.spare_failures <= 10


def test_windows_that_cannot_decide_are_refused(make: Make) -> None:
    """With the window, the numbers, and the length that would do; the line is the condition's."""
    head = HEAD.replace("checkout.p95 < 2s", "availability >= 99.99%")
    with pytest.raises(SpecErrors) as caught:
        make(LATENCY, head=head)
    assert isinstance(caught.value, PlanError)
    lines = str(caught.value).splitlines()
    assert len(lines) == 2
    assert "x.yaml:4: during 1 cannot decide `availability >= 99.99%`: that takes 29,956 samples" in lines[0]
    assert "let the fault last " in lines[0]
    assert "after 1 cannot decide" in lines[1]
    plan = make(LATENCY, head=head, allow_undecidable=True)
    assert [d.enough for d in plan.decisions] == [True, False, False]
    assert decision(plan, "during 1").spare_failures == -1


def test_the_length_that_would_do_does(make: Make) -> None:
    """What the message advises is enough, and a second less is not."""
    head = HEAD.replace("checkout.p95 < 2s", "checkout.p99 < 2s").replace("after: 60s", "after: 20s")
    with pytest.raises(PlanError, match="after 1 cannot decide") as caught:
        make(LATENCY.replace("60s", "120s"), head=head)
    seconds = int(str(caught.value).split("make it ")[1].split("s long")[0])
    assert make(LATENCY.replace("60s", "120s"), head=head.replace("after: 20s", f"after: {seconds}s")).windows
    with pytest.raises(PlanError, match="after 1 cannot decide"):
        make(LATENCY.replace("60s", "120s"), head=head.replace("after: 20s", f"after: {seconds - 1}s"))


def test_a_gauge_is_counted_in_readings(make: Make) -> None:
    """About one a second: a minute has enough for 5 %, five are enough before."""
    plan = make(LATENCY, head=HEAD.replace("checkout.p95 < 2s", "stock-left >= 1").replace("before: 30s", "before: 6s"))
    assert [(d.needed, d.enough) for d in plan.decisions] == [(5, True), (59, True), (59, True)]
    with pytest.raises(PlanError, match="during 1 cannot decide `stock-left >= 1`: that takes 59 samples, and 50s has"):
        make(LATENCY.replace("60s", "50s"), head=HEAD.replace("checkout.p95 < 2s", "stock-left >= 1"))


def test_what_cannot_be_told_before_the_run_is_a_warning(make: Make) -> None:
    """How many queries a request makes is in no file."""
    plan = make(LATENCY, head=HEAD.replace("checkout.p95 < 2s", "db-query.p95 < 50ms"))
    assert plan.decisions == ()
    assert any(
        "db-query.p95 < 50ms: how many samples there will be is known only from the run; 59" in w for w in plan.warnings
    )


USERS = "title: x\ntarget: shop\nload: none\nwindows: {before: 30s, after: 60s}\nhypothesis: [answered >= 99%]\n"


def asked() -> Target:
    """The target, with an SLI from a Prometheus server."""
    answered = Sli(
        name="answered", source=Source.PROMQL, shape=Shape.COUNTER_RATIO, good="good_total", total="all_total"
    )
    return msgspec.structs.replace(TARGET, slis={**TARGET.slis, "answered": answered})


def source(per_s: float | None, interval_s: float = 5.0) -> Measured:
    return Measured(
        sli="answered", source="Prometheus at http://p", delay=Duration(6), interval=Duration(interval_s), per_s=per_s
    )


def test_users_who_are_there_now_are_counted_on(make: Make) -> None:
    """Without traffic of ours the rate that Prometheus counts decides, less the scrape that a window's borders cost;
    without a rate nobody knows, and with traffic of ours the rate before it says nothing."""
    plan = make(LATENCY, head=USERS, target=asked(), sources=(source(20.0),))
    assert decision(plan, "during 1").expected == 20 * (60 - 5)
    assert plan.sources == (source(20.0),)
    with pytest.raises(PlanError, match=r"at the 2 a second that Prometheus at http://p counts now has about 110"):
        make(LATENCY, head=USERS, target=asked(), sources=(source(2.0),))
    for head, per_s in ((USERS, None), (USERS.replace("load: none\n", ""), 2.0)):
        plan = make(LATENCY, head=head, target=asked(), sources=(source(per_s),))
        assert plan.decisions == ()
        assert any("known only from the run" in warning for warning in plan.warnings)


def test_a_window_shorter_than_two_scrapes_shows_nothing(make: Make) -> None:
    """However many users there are: it may lie between two scrapes."""
    with pytest.raises(PlanError, match=r"30s with a scrape every 20s has about 0; make it 40s long"):
        make(LATENCY, head=USERS, target=asked(), sources=(source(None, 20.0),))


def test_a_condition_that_no_traffic_can_meet_says_so(make: Make) -> None:
    """No length would do where nobody comes by."""
    assert TARGET.traffic is not None
    browse = tuple(journey for journey in TARGET.traffic.journeys if journey.name == "browse")
    lonely = msgspec.structs.replace(TARGET, traffic=msgspec.structs.replace(TARGET.traffic, journeys=browse))
    with pytest.raises(PlanError, match=r"before cannot decide `checkout\.p95 < 2s`.*no length of it would do"):
        make(LATENCY, target=lonely)


@pytest.mark.parametrize(
    ("text", "per_second"),
    [
        ("availability >= 99%", (10 * 2 + 3 * 3) / 13),
        ("pages.availability >= 99%", (10 * 2 + 3 * 1) / 13),
        ("checkout.p99 < 2s", 3 / 13),
        ("transactions >= 99%", 3 / 13),
        ("customers-affected <= 1%", 1.0),
    ],
)
def test_the_expected_number_is_what_a_simulation_has(text: str, per_second: float) -> None:
    """Mean and low quantile against simulated windows; seeded. Per-customer counts lose those still under way."""
    traffic = TARGET.traffic
    assert traffic is not None
    read = condition.parse(text, TARGET)
    length, rate = 30.0, 25.0
    found = expected(read, length, traffic, Rate(rate))
    chance = random.Random(3)
    journeys = {j.name: j for j in traffic.journeys}
    totals = []
    for _ in range(600):
        total, at = 0, chance.expovariate(rate)
        while at < length:
            journey = journeys[chance.choices(list(journeys), [j.weight for j in journeys.values()])[0]]
            over = at + float(traffic.think) * (len(journey.steps) - 1) < length
            if read.sli == "transactions":
                total += journey.transaction and over
            elif read.sli == "customers-affected":
                total += over
            else:
                total += sum(1 for step in journey.steps if not read.steps or step in read.steps)
            at += chance.expovariate(rate)
        totals.append(total)
    totals.sort()
    assert found.mean == pytest.approx(sum(totals) / len(totals), rel=0.03)
    assert found.mean == pytest.approx(per_second * rate * length, rel=0.02)
    # The 5th percentile: normal approximation against the simulated one.
    assert found.few == pytest.approx(totals[len(totals) // 20], rel=0.06)


def test_a_plan_carries_what_a_later_judge_needs(make: Make) -> None:
    """And survives being written down."""
    plan = make(LATENCY, head=HEAD + "abort: [error-rate > 25% for 3s]\nload: flash-sale\nwhy: because\n", seed=42)
    assert (plan.rate, plan.patience, plan.think) == (Rate(100), Duration(10), Duration(0.2))
    assert (plan.seed, plan.variant, plan.load, plan.why) == (42, "resilient", "flash-sale", "because")
    assert plan.transactions == {"buy": 3}
    assert plan.invariants == ("nothing-oversold", "provider-agrees")
    assert plan.abort[0].hold == Duration(3)
    assert plan.steps[0].faults[0].fault["delay"] == pytest.approx(0.3)
    assert plan.steps[0].faults[0].text == LATENCY
    assert from_json(to_json(plan), Plan) == plan


def test_the_same_inputs_make_the_same_plan(make: Make) -> None:
    """Pure: nothing of the clock, the machine or the process is in it."""
    steps = ("kill: {service: web, share: 1/3, for: 60s}", "down: {link: web -> cache, share: 1/3, for: 60s}")
    assert to_json(make(*steps, seed=9)) == to_json(make(*steps, seed=9))


def test_a_careful_person_is_told(make: Make) -> None:
    """All of a service at once, production, patience, no fault at all."""
    production = msgspec.structs.replace(TARGET, environment="production")
    plan = make("kill: {service: web, for: 60s}", target=production)
    assert "kill hits all 3 running instances of web" in plan.warnings
    assert any("is production" in warning for warning in plan.warnings)
    slow = make(LATENCY, head=HEAD.replace("checkout.p95 < 2s", "checkout.p95 < 12s"))
    assert "checkout.p95 < 12s: customers give up after 10s already" in slow.warnings
    assert "no fault is injected, so that only the baseline is measured" in make("wait: 10s").warnings
    assert make(LATENCY).warnings == ()


def test_a_target_that_is_not_up_can_be_planned(make: Make) -> None:
    """Every slot and every pair that a link joins is in the planned inventory."""
    there = planner.planned_inventory(TARGET, "fragile", "embedded")
    assert there.instances["web-4"].state == "spare"
    assert there.instances["web-3"].state == "running"
    assert {"edge -> web-6", "web-6 -> db", "replica -> db"} <= set(there.proxies)
    assert len(there.proxies) == 6 + 6 * 4 + 1
    assert (there.platform, there.variant, there.endpoint) == ("embedded", "fragile", "")


KINDS: dict[str, type] = {"embedded": EmbeddedPlatform, "compose": ComposePlatform}


@pytest.mark.parametrize(("platform", "name"), [(p, name) for p in PLANNED for name in sorted(PLANNED[p])])
def test_a_platform_has_what_is_planned_with(platform: str, name: str) -> None:
    """Planning before anything is up assumes no capability that the platform does not have."""
    protocol = CAPABILITIES[name]
    members = {word for word in {*vars(protocol), *protocol.__annotations__} if not word.startswith("_")}
    assert members
    kind = KINDS[platform]
    assert members <= {*dir(kind), *kind.__annotations__}


SHIPPED = sorted((Path(__file__).parents[1] / "experiments").glob("*.yaml"))


@pytest.mark.parametrize("path", SHIPPED, ids=lambda p: p.name)
def test_shipped_experiments_can_decide(path: Path) -> None:
    """In each of their profiles: the windows that we ship are long enough for what they claim."""
    whole, target = load_experiment(path)
    platform, *_ = planner.platforms_for(whole)
    for profile in (None, *whole.profiles):
        chosen, _ = load_experiment(path, profile=profile, target=target)
        for variant in target.variants:
            there = planner.planned_inventory(target, variant, platform)
            plan = planner.plan(chosen, target, there, variant=variant, seed=1, profile=profile)
            assert plan.decisions


def test_in_production_a_proven_deviation_ends_the_run(make: Make) -> None:
    """By default, there only; elsewhere as the file says."""
    production = msgspec.structs.replace(TARGET, environment="production")
    assert make(LATENCY, target=production).abort_deviated == (ANY,)
    assert make(LATENCY).abort_deviated == ()
    assert make(LATENCY, head=HEAD + "abort: [checkout.p95 deviated]\n").abort_deviated == ("checkout.p95",)


def test_windows_may_end_early_when_the_file_says_so(make: Make) -> None:
    """Never `before`; at least 10 s during and 30 s after, or as the file says; a shorter one lasts its length."""
    plan = make(LATENCY, head=HEAD + "until: decided\n")
    assert [w.least for w in plan.windows] == [None, Duration(10), Duration(30)]
    named = HEAD.replace("after: 60s", "after: 20s, least: 25s") + "until: decided\n"
    assert [w.least for w in make(LATENCY, head=named).windows] == [None, Duration(25), None]
    assert [w.least for w in make(LATENCY).windows] == [None] * 3
    idle = make(LATENCY, head=HEAD.replace("after: 60s", "after: 60s, least: 10m") + "until: decided\n")
    assert any("until: decided changes nothing" in warning for warning in idle.warnings)
    assert not any("changes nothing" in warning for warning in (*plan.warnings, *make(LATENCY).warnings))
    needed = {d.window: d.needed for d in plan.decisions}
    assert needed == {"before": 100, "during 1": 63, "after 1": 63}  # 59 where it must last its length


def test_a_plan_says_how_soon_it_can_tell(make: Make) -> None:
    """Typical seconds for each sentence that can deviate: an outage, ten times the budget, and held without a bad one.
    A slow request is known once it is older than the value; m and alpha are the run's."""
    head = HEAD.replace("[checkout.p95 < 2s]", "[availability >= 99.9%, checkout.p95 < 2s]")
    by = {(d.window, d.condition): d for d in make(LATENCY, head=head).decisions}
    before, whole = by["before", "availability >= 99.9%"], by["during 1", "availability >= 99.9%"]
    assert (before.outage_s, before.tenfold_s, before.clean_s) == (None, None, None)
    rate = whole.expected / 60
    assert whole.outage_s == 0.5
    assert whole.tenfold_s == pytest.approx(seconds_until(0.001, 0.01, rate, needed(4, 0.01)), abs=0.001)
    assert whole.clean_s == pytest.approx(2995 / rate, rel=1e-3)
    slow = by["during 1", "checkout.p95 < 2s"]
    assert slow.outage_s is not None
    assert slow.outage_s > 2.0
    early = {
        (d.window, d.condition): d
        for d in make(LATENCY, head=head + "until: decided\n", allow_undecidable=True).decisions
    }
    assert early["during 1", "availability >= 99.9%"].clean_s == pytest.approx(5000 / rate, rel=1e-3)
    assert (early["during 1", "checkout.p95 < 2s"].clean_s or 0.0) >= 10.0  # its least


def test_what_is_not_held_early_is_held_at_the_windows_longest(make: Make) -> None:
    """A plan never says that it takes longer than a window which it says can decide."""
    head = HEAD.replace("checkout.p95 < 2s", "availability >= 99.9%").replace("after: 60s", "after: 65s")
    plan = make(LATENCY.replace("for: 60s", "for: 65s"), head=head + "until: decided\n")
    ends_at = {w.name: float(w.length) for w in plan.windows}
    for decision in plan.decisions[1:]:
        assert decision.enough
        assert decision.clean_s is not None
        assert decision.clean_s <= ends_at[decision.window]
