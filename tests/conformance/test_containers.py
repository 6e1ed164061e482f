"""What every fault on a service keeps when the service is a container, on a real engine: one test for all of it, since
containers are slower than processes."""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from docker_project import Project
from dockerfixtures import snapshot

from chaos import faults
from chaos.engine.lease import Keeper
from chaos.errors import Unavailable
from chaos.faults import FAULTS
from chaos.faults.shared.container import ContainerFault
from chaos.model.base import to_json
from chaos.model.fault import Undo
from chaos.model.lease import Lease
from chaos.planner.inventory import PLANNED
from chaos.units import Bytes, Ratio

pytestmark = [pytest.mark.integration, pytest.mark.docker]
SCRIPT = Path(__file__).parents[1] / "faults" / "tinyshop.py"


@dataclass(frozen=True, kw_only=True)
class Case:
    """Parameters that a small container shows quickly. `passes` is for faults that are over once they have happened."""

    where: str = "db"
    parameters: dict[str, Any] = field(default_factory=dict)
    passes: bool = False


CASES: dict[str, Case] = {
    "crash": Case(passes=True),
    "kill": Case(),
    "stop": Case(),
    "restart": Case(passes=True),
    "pause": Case(),
    "isolate": Case(),
    "loss": Case(parameters={"ratio": Ratio(0.3)}),
    "rate": Case(parameters={"per_second": Bytes(100_000)}),
    "corrupt": Case(parameters={"ratio": Ratio(0.3)}),
    "duplicate": Case(parameters={"ratio": Ratio(0.3)}),
    "reorder": Case(parameters={"ratio": Ratio(0.3)}),
    "dns": Case(),
    "cpu": Case(parameters={"cores": 0.05}),
    "cpu-pressure": Case(parameters={"processes": 2}),
    "memory": Case(parameters={"limit": Bytes(64_000_000)}),
    "memory-pressure": Case(parameters={"leave": Bytes(16_000_000)}),
    "oom": Case(passes=True),
    "disk-full": Case(parameters={"path": "/data"}),
    "slow-disk": Case(parameters={"per_second": Bytes(1_000_000)}),
}


def test_every_fault_on_a_service_has_a_case() -> None:
    """A new one is tried in containers."""
    assert {kind for kind, fault in FAULTS.items() if fault.acts_on == "service"} == set(CASES)
    offered = PLANNED["compose"]
    assert all(FAULTS[kind].needs.__name__ in offered for kind in CASES)


@pytest.mark.parametrize("kind", CASES)
def test_a_fault_keeps_its_contract_in_containers(kind: str, containers: Project) -> None:
    """Preparing changes nothing; it bites, is there, is reverted by another process from its record alone, read back,
    and harmless to revert twice or without an injection; and everything is as it was."""
    case, fault = CASES[kind], FAULTS[kind](**CASES[kind].parameters)
    platform = containers.platform()
    if fault.needs.__name__ not in platform.inventory().capabilities:
        pytest.skip(f"the kernel of this engine has no {fault.needs.__name__}")
    assert isinstance(platform, fault.needs)
    before = snapshot(containers, case.where)
    undo = fault.prepare(case.where, platform)
    assert snapshot(containers, case.where) == before
    assert not faults.is_present(undo)
    faults.revert(undo)
    assert snapshot(containers, case.where) == before
    try:
        fault.inject(undo, platform)
        evidence = fault.confirm(undo, platform)
        assert evidence.confirmed, evidence.text
        assert case.passes or faults.is_present(undo)
        assert revert_elsewhere(undo) == b"False"
        assert not faults.is_present(undo)
        if isinstance(fault, ContainerFault) and not case.passes:
            assert snapshot(containers, case.where) == before
        faults.revert(undo)
        assert case.passes or not fault.confirm(undo, platform).confirmed
    finally:
        faults.revert(undo)
    assert platform.instance(case.where).healthy


def revert_elsewhere(undo: Undo) -> bytes:
    """By a process that knows nothing but the record, as JSON; what it says about whether the fault is left."""
    done = subprocess.run(
        [sys.executable, str(SCRIPT), "revert"], input=to_json(undo), capture_output=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.strip()


def test_what_the_kernel_lacks_is_refused_before_anything(containers: Project) -> None:
    """The inventory and the fault itself say the same of netem, whichever way it is here."""
    platform = containers.platform()
    has = "PacketMangler" in platform.inventory().capabilities
    for kind in ("corrupt", "duplicate", "reorder"):
        fault = FAULTS[kind](ratio=Ratio(0.3))
        if has:
            assert fault.prepare("db", platform).kind == kind
        else:
            with pytest.raises(Unavailable, match="the engine's kernel has no netem"):
                fault.prepare("db", platform)


@pytest.mark.parametrize("kind", ["isolate", "cpu", "memory-pressure", "disk-full"])
def test_a_fault_goes_by_itself_when_its_lease_runs_out(kind: str, containers: Project) -> None:
    """One of each way in which they are put there. Nobody reverts it: the agent on the engine's machine does."""
    case, fault = CASES[kind], FAULTS[kind](**CASES[kind].parameters)
    platform = containers.platform()
    before = snapshot(containers, case.where)
    lost: list[str] = []
    keeper = Keeper(
        Lease(id=f"run {time.monotonic_ns()}", ttl_s=4), on_lost=lambda _, why: lost.append(why), note=lost.append
    )
    undo = keeper.hold(fault.prepare(case.where, platform))
    try:
        assert undo.lease
        fault.inject(undo, platform)
        assert faults.is_present(undo)
        until_s = time.monotonic() + 25
        while faults.is_present(undo):
            assert time.monotonic() < until_s, "it is still there"
            time.sleep(0.2)
        assert snapshot(containers, case.where) == before
    finally:
        faults.revert(undo)
        keeper.close()
