"""Who makes a run's traffic: our own generators, as many as the rate takes, or the engine that the target names."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from chaos.load.share import generators_for, requests_per_s
from chaos.model.plan import Plan

if TYPE_CHECKING:
    from pathlib import Path

    from chaos.load.batch import Batch
    from chaos.load.elsewhere import Running
    from chaos.model.target import Traffic
    from chaos.rehearsal.begin import Options


def start(
    traffic: Traffic, plan: Plan, options: Options, *, target_path: str, address: str, t0_s: float, state_dir: Path,
    on_batch: Callable[[Batch], None], on_end: Callable[[str], None], note: Callable[[str], None],
) -> Running:  # fmt: skip
    """Returns when the first requests are due. `address` is the host:port where customers come in, `t0_s` the run's
    zero on CLOCK_MONOTONIC, `state_dir` the run's own. `note` is told what a person should know.
    Raises: Unavailable, SpecError, UsageError."""
    base_url = f"http://{address}"
    if traffic.engine:
        from chaos.load.elsewhere import start as start_elsewhere

        note(f"{traffic.engine} makes the traffic; latencies are from the actual start of a request")
        return start_elsewhere(
            traffic, target_path=target_path, profile=plan.load, t0_s=t0_s, base_url=base_url, state_dir=state_dir,
            on_batch=on_batch, on_end=on_end,
        )  # fmt: skip
    from chaos.load.traffic import TrafficRun

    generators = generators_of(plan, traffic, options)
    if generators > 1:
        note(f"the customers are sent by {generators} processes")
    return TrafficRun.start(
        traffic, base_url=base_url, profile=plan.load, seed=plan.seed, t0_s=t0_s, state_dir=state_dir,
        on_batch=on_batch, on_end=on_end, engine=options.engine, processes=generators,
    )  # fmt: skip


def generators_of(plan: Plan, traffic: Traffic, options: Options) -> int:
    """How many processes send the customers: enough for the surge, too."""
    faults = [fault for step in plan.steps for fault in step.faults if fault.kind == "surge"]
    times = traffic.profiles[plan.load] * max(1.0, *(float(fault.fault["times"]) for fault in faults), 1.0)
    return options.generators or generators_for(requests_per_s(traffic, times), options.engine)
