"""Put a plan together: windows, steps with their places, and whether all of it can decide anything."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from chaos.errors import PlanError, Undecidable, UndecidableAll, Unsupported, nearest
from chaos.model.base import to_plain
from chaos.model.experiment import Experiment, FaultSpec
from chaos.model.objective import ANY, Condition
from chaos.model.plan import ALPHA, Decision, Measured, Plan, PlannedFault, PlannedStep, Window, tests_of
from chaos.model.platform import Inventory
from chaos.model.sli import Shape, Source
from chaos.model.target import Target
from chaos.planner.budgets import budgets
from chaos.planner.decisions import decide, expected, long_enough
from chaos.planner.places import capability_missing, places_of, touched
from chaos.planner.soon import with_times
from chaos.stats.sequential import needed
from chaos.units import Duration, Rate


def plan(
    experiment: Experiment,
    target: Target,
    inventory: Inventory,
    *,
    variant: str,
    seed: int,
    profile: str | None = None,
    platform_capabilities: frozenset[str] | None = None,
    allow_undecidable: bool = False,
    sources: Sequence[Measured] = (),
) -> Plan:
    """What a run of this experiment will do. `profile` is the name of the one that the experiment was loaded with.

    `platform_capabilities` are the inventory's unless they are given; traffic and what users bring themselves come
    with every run. `sources` are what was found out about where measurements come from. Raises: PlanError when a fault
    has no place, Undecidable when a window cannot decide its conditions (unless `allow_undecidable`; then the decisions
    say so), Unsupported when the platform cannot do a fault.
    """
    offered = inventory.capabilities if platform_capabilities is None else platform_capabilities
    own_traffic = experiment.load != "none" and not (target.traffic is not None and target.traffic.engine)
    offered |= {"Anything"} | ({"TrafficShaper"} if own_traffic else set())
    _refuse_unsupported(experiment, inventory, offered)
    steps, warnings = _steps(experiment, target, inventory, seed)
    windows = _windows(experiment)
    traffic = target.traffic
    rate = Rate(0)
    if traffic is not None and experiment.load != "none":
        rate = Rate(traffic.rate * traffic.profiles[experiment.load])
    decisions, undecided = _decisions(windows, target, rate, sources)
    if not allow_undecidable:
        _refuse_undecidable(decisions, windows, experiment, target, rate, sources)
    return Plan(
        title=experiment.title,
        why=experiment.why,
        experiment=experiment.path,
        target=target.name,
        platform=inventory.platform,
        endpoint=inventory.endpoint,
        variant=variant,
        profile=profile,
        seed=seed,
        load=experiment.load,
        rate=rate,
        traffic_by="" if traffic is None or experiment.load == "none" else traffic.engine,
        patience=Duration(10) if traffic is None else traffic.patience,
        think=Duration(0) if traffic is None else traffic.think,
        transactions={} if traffic is None else {j.name: len(j.steps) for j in traffic.journeys if j.transaction},
        warm_up=experiment.windows.warm_up,
        recovery=experiment.recovery,
        windows=windows,
        steps=steps,
        abort=experiment.abort,
        abort_deviated=_deviations(experiment, target, windows),
        invariants=tuple(invariant.name for invariant in target.invariants),
        budgets=budgets(target, experiment.load),
        sources=tuple(sources),
        decisions=decisions,
        warnings=(*_remarks(experiment, target, steps, windows), *warnings, *undecided),
    )


def _refuse_unsupported(experiment: Experiment, inventory: Inventory, offered: frozenset[str]) -> None:
    specs = [spec for step in experiment.method for spec in step.faults]
    missing = [m for spec in specs if (m := capability_missing(spec, inventory, offered, experiment.path)) is not None]
    if missing:
        reasons = "; ".join(dict.fromkeys(reason.message for reason in missing))
        raise Unsupported(reasons, path=missing[0].path, line=missing[0].line)


def _steps(
    experiment: Experiment, target: Target, inventory: Inventory, seed: int
) -> tuple[tuple[PlannedStep, ...], tuple[str, ...]]:
    planned: list[PlannedStep] = []
    warnings: list[str] = []
    injection = 0
    for index, step in enumerate(experiment.method):
        if step.wait is not None:
            planned.append(PlannedStep(index=index, wait=step.wait))
            continue
        injection += 1
        faults: list[PlannedFault] = []
        for number, spec in enumerate(step.faults, start=1):
            fault_id = f"{injection}.{number}"
            places, said = places_of(spec, target, inventory, seed=seed, fault_id=fault_id, path=experiment.path)
            warnings.extend(said)
            faults.append(_fault(spec, fault_id, places, touched(places, inventory), index))
        _refuse_clashes(faults, step.faults, experiment.path)
        planned.append(PlannedStep(index=index, faults=tuple(faults)))
    return tuple(planned), tuple(dict.fromkeys(warnings))


def _fault(
    spec: FaultSpec, fault_id: str, places: tuple[str, ...], touches: tuple[str, ...], step: int
) -> PlannedFault:
    return PlannedFault(
        id=fault_id, kind=spec.kind, places=places, touches=touches, duration=spec.duration,
        fault=to_plain(spec.fault), text=spec.text, step=step,
    )  # fmt: skip


def _refuse_clashes(faults: Sequence[PlannedFault], specs: Sequence[FaultSpec], path: str) -> None:
    """Two faults that are on together must not undo each other: one state a service, one toxic of a kind a link.

    Raises: PlanError.
    """
    taken: dict[tuple[str, str], str] = {}
    for fault, spec in zip(faults, specs, strict=True):
        acts_on = type(spec.fault).acts_on
        for place in fault.places:
            key = (acts_on if acts_on in ("service", "traffic") else fault.kind, place)
            if key in taken and acts_on != "nothing":
                message = f"{fault.kind} and {taken[key]} are on {place} at the same time; make them two steps"
                raise PlanError(message, path=path or None, line=spec.line)
            taken[key] = fault.kind


# The shortest that a window is *held* in, unless the file says: a fault needs a while to be felt everywhere, and 10 s
# after a recovery missed a relapse at 15 s (VERDICTS section 5: 30 s and more).
LEAST_DURING, LEAST_AFTER = Duration(10), Duration(30)


def _windows(experiment: Experiment) -> tuple[Window, ...]:
    """One before, one during each injection, one after each; between two injections the longer of before and after."""
    windows = _fixed(experiment)
    if experiment.until == "end":
        return windows
    return tuple(w if w.phase == "before" else _may_end_early(w, experiment.windows.least) for w in windows)


def _may_end_early(window: Window, least: Duration | None) -> Window:
    import msgspec

    usual = LEAST_DURING if window.phase == "during" else LEAST_AFTER
    shortest = usual if least is None else least
    return msgspec.structs.replace(window, least=shortest) if shortest < window.length else window


def _fixed(experiment: Experiment) -> tuple[Window, ...]:
    lengths = experiment.windows
    hypothesis, allowed = _comparisons_last(experiment.hypothesis), _comparisons_last(experiment.during_conditions())
    steady = tuple(c for c in hypothesis if c.tolerance is None)
    injections = [index for index, step in enumerate(experiment.method) if step.faults]
    windows = [Window(index=0, name="before", phase="before", step=None, length=lengths.before, conditions=steady)]
    for number, step in enumerate(injections, start=1):
        longest = Duration(max(fault.duration for fault in experiment.method[step].faults))
        windows.append(
            Window(
                index=len(windows), name=f"during {number}", phase="during", step=step, length=longest,
                conditions=allowed,
            )
        )  # fmt: skip
        last = number == len(injections)
        windows.append(
            Window(
                index=len(windows),
                name=f"after {number}" if last else f"between {number} and {number + 1}",
                phase="after",
                step=step,
                length=lengths.after if last else max(lengths.before, lengths.after),
                conditions=hypothesis,
            )
        )
    return tuple(windows)


def _comparisons_last(conditions: tuple[Condition, ...]) -> tuple[Condition, ...]:
    """What is compared with before is not judged before: so a sentence has the same number in every window."""
    return tuple(sorted(conditions, key=lambda condition: condition.tolerance is not None))


def source_of(condition: Condition, sources: Iterable[Measured]) -> Measured | None:
    """What was found out about where a condition's samples come from."""
    names = (condition.sli, condition.sli.partition(".")[0])
    return next((source for source in sources if source.sli in names), None)


def _decisions(
    windows: Sequence[Window], target: Target, rate: Rate, sources: Sequence[Measured]
) -> tuple[tuple[Decision, ...], tuple[str, ...]]:
    """The decisions, and what cannot be told before the run."""
    decisions: list[Decision] = []
    unknown: dict[str, None] = {}
    e_needed = needed(tests_of(windows), ALPHA)
    for window in windows:
        for condition in window.conditions:
            source = source_of(condition, sources)
            decision = decide(condition, window, target.traffic, rate, baseline=windows[0], source=source)
            if decision is not None:
                # How soon somebody else's scrapes can tell depends on the scrapes, not on what is in them.
                if source is None:
                    decision = with_times(decision, condition, window, target.traffic, rate, e_needed=e_needed)
                decisions.append(decision)
            elif window.phase != "before":
                unknown[_unknown(condition)] = None
    return tuple(decisions), tuple(unknown)


def _deviations(experiment: Experiment, target: Target, windows: Iterable[Window]) -> tuple[str, ...]:
    """Whose deviation aborts. In production any does: what has been shown there need not be shown for longer.

    Raises: PlanError when a profile has replaced the sentence that is meant."""
    if target.environment == "production":
        return (ANY,)
    later = (condition for window in windows if window.phase != "before" for condition in window.conditions)
    judged = {condition.key for condition in later if condition.tolerance is None}
    for key in experiment.abort_deviated:
        if key not in judged and key != ANY:
            message = f"abort: '{key} deviated': no sentence on '{key}' is judged in this run.{nearest(key, judged)}"
            raise PlanError(message, path=experiment.path or None)
    return experiment.abort_deviated


def _unknown(condition: Condition) -> str:
    from chaos.stats.binomial import samples_needed

    return (
        f"{condition.text}: how many samples there will be is known only from the run; "
        f"{samples_needed(condition.budget):,} good ones are needed in each window"
    )


def _refuse_undecidable(
    decisions: Sequence[Decision], windows: Sequence[Window], experiment: Experiment, target: Target, rate: Rate,
    sources: Sequence[Measured],
) -> None:  # fmt: skip
    """Raises: Undecidable, one line for each window and condition."""
    by_name = {window.name: window for window in windows}
    errors: list[Undecidable] = []
    for decision in decisions:
        if decision.enough:
            continue
        window = by_name[decision.window]
        condition = next(c for c in window.conditions if c.text == decision.condition)
        source = source_of(condition, sources)
        message = _too_few(decision, condition, window, target, rate, baseline=windows[0], source=source)
        errors.append(Undecidable(message, path=experiment.path or None, line=condition.line))
    if errors:
        raise errors[0] if len(errors) == 1 else UndecidableAll(errors)


def _too_few(
    decision: Decision, condition: Condition, window: Window, target: Target, rate: Rate, *, baseline: Window,
    source: Measured | None,
) -> str:  # fmt: skip
    enough = long_enough(condition, window, target.traffic, rate, source)
    if condition.tolerance is not None:
        needs = "no length of them would do" if enough is None else f"make each {float(enough):.0f}s long"
        return (
            f"{decision.window} cannot decide `{decision.condition}`: a comparison takes 30 s and {decision.needed:,} "
            f"samples in each window; 'before' is {baseline.length} and {window.name} is {window.length} long; {needs}"
        )
    advice = "no length of it would do"
    if enough is not None:
        seconds = f"{float(enough):.0f}s"
        advice = f"let the fault last {seconds}" if window.phase == "during" else f"make it {seconds} long"
    few = expected(condition, float(window.length), target.traffic, rate, source).few
    fewer = f" (one time in twenty fewer than {few:,.0f})" if decision.expected >= decision.needed else ""
    whose = "requests" if target.traffic is not None and target.traffic.engine else "journeys"
    at = f" at {rate} {whose}" if condition.source is Source.LOAD else ""
    if source is not None and source.per_s is not None and not rate:
        at = f" at the {source.per_s:.3g} a second that {source.source} counts now"
    elif source is not None and source.interval is not None:
        at = f" with a scrape every {source.interval}"
    return (
        f"{decision.window} cannot decide `{decision.condition}`: that takes {decision.needed:,} samples, and "
        f"{window.length}{at} has about {decision.expected:,.0f}{fewer}; {advice}, or relax the objective"
    )


def _remarks(
    experiment: Experiment, target: Target, steps: Sequence[PlannedStep], windows: Sequence[Window]
) -> tuple[str, ...]:
    """What a careful person would want to be told."""
    remarks: list[str] = []
    if target.environment == "production":
        remarks.append(f"the target '{target.name}' is production: real customers are in the blast radius")
    if experiment.load == "none":
        remarks.append("no traffic of ours: what is judged is what the target's own users do in the meantime")
    if not any(step.faults for step in steps):
        remarks.append("no fault is injected, so that only the baseline is measured")
    if experiment.until != "end" and all(window.least is None for window in windows):
        remarks.append(
            "until: decided changes nothing: no window is longer than the least that it lasts (`windows.least`; 10s "
            "while a fault is on and 30s after it, where nothing is said)"
        )
    for fault in (fault for step in steps for fault in step.faults):
        services = {target.service_of(place) for place in fault.places if place in target.instances()}
        for service in services:
            running = target.running(service)
            if len(running) > 1 and set(running) <= set(fault.places):
                remarks.append(f"{fault.kind} hits all {len(running)} running instances of {service}")
    if target.traffic is not None:
        patience = target.traffic.patience
        for condition in dict.fromkeys((*experiment.hypothesis, *experiment.during)):
            if condition.shape is Shape.LATENCY and condition.tolerance is None and condition.threshold >= patience:
                remarks.append(f"{condition.text}: customers give up after {patience} already")
    return tuple(remarks)
