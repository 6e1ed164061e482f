"""What every fault keeps, on every platform. A fault without a case here fails the first test."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import pytest
import test_containers

from chaos import faults
from chaos.engine.lease import Keeper
from chaos.faults import FAULTS
from chaos.faults.http import Check, Request
from chaos.faults.shared.lease import renew
from chaos.load.control import get_multiplier
from chaos.model.base import to_json
from chaos.model.fault import Evidence, Undo
from chaos.model.lease import Lease
from chaos.model.platform import CAPABILITIES
from chaos.planner.inventory import PLANNED
from chaos.units import Bytes, Duration

pytestmark = pytest.mark.integration


@dataclass(frozen=True, kw_only=True)
class Case:
    """Parameters that a small shop shows quickly. `passes` is for faults that are over once they have happened."""

    where: str
    parameters: dict[str, Any] = field(default_factory=dict)
    passes: bool = False


CASES: dict[str, Case] = {
    "latency": Case(where="edge -> web", parameters={"delay": Duration(0.2), "jitter": Duration(0.02)}),
    "bandwidth": Case(where="web -> cache", parameters={"per_second": Bytes(50_000)}),
    "timeout": Case(where="edge -> web"),
    "down": Case(where="edge -> web"),
    "reset": Case(where="web -> cache"),
    "slow-close": Case(where="web -> cache", parameters={"delay": Duration(0.2)}),
    "slicer": Case(where="edge -> web", parameters={"size": Bytes(64), "delay": Duration(0.005)}),
    "limit-data": Case(where="edge -> web", parameters={"bytes": Bytes(1000)}),
    "partition": Case(where="web -> cache"),
    "crash": Case(where="web", passes=True),
    "kill": Case(where="web"),
    "stop": Case(where="cache"),
    "restart": Case(where="web", passes=True),
    "pause": Case(where="web"),
    "surge": Case(where="traffic", parameters={"times": 4.0}),
    "command": Case(where="command"),
    "http": Case(where="http"),
}


@dataclass(frozen=True, kw_only=True)
class Ground:
    """One platform with its traffic, the case of one fault on it, and all that a fault could have changed."""

    platform: Any
    fault: Any
    where: str
    passes: bool
    snapshot: Callable[[], object]
    undos: list[Undo] = field(default_factory=list)

    def prepare(self) -> Undo:
        self.undos.append(self.fault.prepare(self.where, self.platform))
        return self.undos[-1]

    def confirm(self, undo: Undo) -> Evidence:
        evidence: Evidence = self.fault.confirm(undo, self.platform)
        return evidence


# What a fault needs of the platform is tried on each; the traffic and the user's own are the same everywhere. Those in
# containers have tests of their own, in test_containers.py.
GROUNDS = [
    (platform, kind)
    for platform in ("tiny", "embedded")
    for kind, fault in FAULTS.items()
    if fault.needs.__name__ in PLANNED["embedded"]
    or (platform == "tiny" and fault.needs.__name__ in ("TrafficShaper", "Anything"))
]


@pytest.fixture(params=GROUNDS, ids="-".join)
def ground(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ground]:
    platform_name, kind = request.param
    case = CASES[kind]
    shop = request.getfixturevalue("shop" if platform_name == "tiny" else platform_name)
    parameters = dict(case.parameters)
    if kind == "command":
        flag = str(tmp_path / "full")
        parameters = {"run": ("touch", flag), "undo": ("rm", "-f", flag), "check": ("test", "-e", flag)}
    if kind == "http":
        url = f"http://127.0.0.1:{shop.ports['web']}/switch"
        parameters = {
            "send": Request(url=url, method="PUT", body={"on": True}),
            "undo": Request(url=url, method="DELETE"),
            "check": Check(url=url, contains="on"),
        }
    fault = FAULTS[kind](**parameters)
    platform: Any = request.getfixturevalue("traffic") if kind == "surge" else shop
    assert isinstance(platform, fault.needs)

    def snapshot() -> object:
        multiplier = get_multiplier(platform.traffic_control()) if kind == "surge" else None
        return shop.snapshot(), multiplier, sorted(tmp_path.iterdir())

    ground = Ground(platform=platform, fault=fault, where=case.where, passes=case.passes, snapshot=snapshot)
    yield ground
    for undo in ground.undos:
        faults.revert(undo)


def test_every_fault_has_a_case() -> None:
    """A new fault is tried on every platform that has what it needs."""
    assert set(CASES) | set(test_containers.CASES) == set(FAULTS)
    assert not {kind for kind, fault in FAULTS.items() if fault.needs.__name__ in PLANNED["embedded"]} - set(CASES)


@pytest.mark.parametrize("kind", FAULTS)
def test_a_fault_says_what_it_needs(kind: str) -> None:
    """Its word is its key, its capability is one that platforms know, and its row in the reference is a sentence."""
    fault = FAULTS[kind]
    assert fault.kind == kind
    assert fault.needs in CAPABILITIES.values()
    assert fault.acts_on in ("link", "service", "groups", "traffic", "nothing")
    assert (fault.__doc__ or "").splitlines()[0].endswith(".")


def test_preparing_changes_nothing(ground: Ground) -> None:
    """Nothing is touched before the intent is on disk, and a fault that was only prepared is not there."""
    before = ground.snapshot()
    undo = ground.prepare()
    assert ground.snapshot() == before
    assert not faults.is_present(undo)


def test_a_fault_bites_and_is_gone_after_its_revert(ground: Ground) -> None:
    """Baseline, effect, restored: each of them measured."""
    before = ground.snapshot()
    undo = ground.prepare()
    ground.fault.inject(undo, ground.platform)
    evidence = ground.confirm(undo)
    assert evidence.confirmed, evidence.text
    assert evidence.text
    assert ground.passes or faults.is_present(undo)
    faults.revert(undo)
    assert not faults.is_present(undo)
    if not ground.passes:
        assert not ground.confirm(undo).confirmed
    if ground.fault.acts_on != "service":
        assert ground.snapshot() == before


def test_reverting_twice_is_harmless(ground: Ground) -> None:
    """The runner and its watchdog may both do it."""
    undo = ground.prepare()
    ground.fault.inject(undo, ground.platform)
    faults.revert(undo)
    after = ground.snapshot()
    faults.revert(undo)
    assert ground.snapshot() == after
    assert not faults.is_present(undo)


def test_reverting_what_was_never_injected_is_harmless(ground: Ground) -> None:
    """A runner that dies between the intent and the injection leaves such a record."""
    undo = ground.prepare()
    before = ground.snapshot()
    faults.revert(undo)
    assert ground.snapshot() == before


def test_another_process_reverts_from_the_record_alone(ground: Ground) -> None:
    """The runner is dead; all that is left is the record, as JSON."""
    undo = ground.prepare()
    ground.fault.inject(undo, ground.platform)
    script = Path(__file__).parents[1] / "faults" / "tinyshop.py"
    done = subprocess.run(
        [sys.executable, str(script), "revert"], input=to_json(undo), capture_output=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout.strip()) == (0, b"False"), done.stderr.decode()
    assert not faults.is_present(undo)


def test_a_fault_goes_by_itself_when_its_lease_runs_out(ground: Ground) -> None:
    """Nobody reverts it. Where no lease is kept, the undo record says so, and the run's record too."""
    before = ground.snapshot()
    lost: list[str] = []
    notes: list[str] = []
    lease = Lease(id=f"run {time.monotonic_ns()}", ttl_s=20)
    keeper = Keeper(lease, on_lost=lambda _, why: lost.append(why), note=notes.append)
    undo = keeper.hold(ground.prepare())
    holder = faults.holder(undo)
    if not undo.lease:
        assert (holder is None) == (undo.kind in ("command", "http"))
        assert holder is None or "keeps no leases" in notes[0]
        return
    try:
        ground.fault.inject(undo, ground.platform)
        assert ground.passes or faults.is_present(undo)
        if holder is not None:  # the last renewal
            renew(holder, msgspec.structs.replace(lease, ttl_s=0.5))
        until_s = time.monotonic() + 25
        while faults.is_present(undo):
            assert time.monotonic() < until_s, "it is still there"
            time.sleep(0.1)
        keeper.beat()
        assert ground.passes or lost
        if holder is not None and holder.kind != "supervisor":  # a service has other processes than before
            assert ground.snapshot() == before
    finally:
        keeper.close()
