"""What every fault keeps, on every platform that has what it needs."""

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
from cases import CASES, OFFERED, small
from composeshop import ComposeShop
from grounds import Seen, seen_by

from chaos import faults
from chaos.engine.lease import Keeper
from chaos.errors import Unavailable
from chaos.faults import FAULTS
from chaos.faults.http import Check, Request
from chaos.faults.shared.lease import renew
from chaos.load.control import get_multiplier
from chaos.model.base import to_json
from chaos.model.fault import Evidence, Undo
from chaos.model.lease import Lease
from chaos.model.platform import CAPABILITIES

pytestmark = pytest.mark.integration


@dataclass(frozen=True, kw_only=True)
class Ground:
    """One platform with its traffic, one fault on it, and all that a fault could have changed."""

    platform: Any
    fault: Any
    where: str
    look: Callable[[], Seen]
    look_around: Callable[[], object]  # at what is of no platform
    undos: list[Undo] = field(default_factory=list)

    @property
    def passes(self) -> bool:
        """Is it over once it has happened?"""
        return not getattr(self.fault, "lasts", True)

    def prepare(self) -> Undo:
        self.undos.append(self.fault.prepare(self.where, self.platform))
        return self.undos[-1]

    def confirm(self, undo: Undo) -> Evidence:
        evidence: Evidence = self.fault.confirm(undo, self.platform)
        return evidence

    def snapshot(self) -> tuple[Seen, object]:
        return self.look(), self.look_around()

    def changes(self, before: tuple[Seen, object]) -> list[str]:
        """What is not as it was. A service may have begun another life meanwhile, where the fault is on services."""
        now, around = self.snapshot()
        found = now.changes(before[0], same_life=self.fault.acts_on != "service")
        return found if around == before[1] else [*found, f"around: {before[1]} became {around}"]


GROUNDS = {
    platform: [
        pytest.param((platform, kind), id=f"{platform}-{kind}", marks=[pytest.mark.docker] * (platform == "compose"))
        for kind, fault in FAULTS.items()
        if fault.needs.__name__ in offered
    ]
    for platform, offered in OFFERED.items()
}
EVERYWHERE = [param for params in GROUNDS.values() for param in params]
# Containers are slower than processes: there, one test has the whole contract in it.
ON_PROCESSES = pytest.mark.parametrize("ground", [*GROUNDS["tiny"], *GROUNDS["embedded"]], indirect=True)
IN_CONTAINERS = pytest.mark.parametrize("ground", GROUNDS["compose"], indirect=True)


@pytest.fixture
def ground(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ground]:
    platform_name, kind = request.param
    shop = request.getfixturevalue("shop" if platform_name == "tiny" else platform_name)
    if kind == "command":
        flag = str(tmp_path / "full")
        words = {"run": ("touch", flag), "undo": ("rm", "-f", flag), "check": ("test", "-e", flag)}
        fault, where = FAULTS[kind](**words), kind
    elif kind == "http":
        url = f"http://127.0.0.1:{shop.ports['web']}/switch"
        put, delete = Request(url=url, method="PUT", body={"on": True}), Request(url=url, method="DELETE")
        fault, where = FAULTS[kind](send=put, undo=delete, check=Check(url=url, contains="on")), kind
    else:
        fault, where = small(kind)
    platform: Any = request.getfixturevalue("traffic") if kind == "surge" else shop
    assert isinstance(platform, fault.needs)
    lacking = {fault.needs.__name__} - OFFERED["tiny"] - shop.inventory().capabilities
    if lacking:
        pytest.skip(f"this machine's kernel gives no {lacking.pop()}")

    def look_around() -> object:
        multiplier = get_multiplier(platform.traffic_control()) if kind == "surge" else None
        return multiplier, sorted(tmp_path.iterdir())

    look = (lambda: seen_by(shop.inventory())) if platform_name == "tiny" else shop.snapshot
    ground = Ground(platform=platform, fault=fault, where=where, look=look, look_around=look_around)
    yield ground
    for undo in ground.undos:
        faults.revert(undo)


def test_every_case_is_of_a_fault() -> None:
    """All others are tried as their examples have them, on every platform that has what they need."""
    assert set(CASES) <= set(FAULTS)
    assert {kind for kind in FAULTS if kind not in {param.values[0][1] for param in EVERYWHERE}} == set()


@pytest.mark.parametrize("kind", FAULTS)
def test_a_fault_says_what_it_needs(kind: str) -> None:
    """Its word is its key, its capability is one that platforms know, and its row in the reference is a sentence."""
    fault = FAULTS[kind]
    assert fault.kind == kind
    assert fault.needs in CAPABILITIES.values()
    assert fault.acts_on in ("link", "service", "groups", "traffic", "nothing")
    assert (fault.__doc__ or "").splitlines()[0].endswith(".")


@ON_PROCESSES
def test_a_fault_that_was_only_prepared_is_not_there(ground: Ground) -> None:
    """Nothing is touched before the intent is on disk; and reverting what was never injected is harmless: a runner that
    dies in between leaves such a record."""
    before = ground.snapshot()
    undo = ground.prepare()
    assert ground.changes(before) == []
    assert not faults.is_present(undo)
    faults.revert(undo)
    assert ground.changes(before) == []


@ON_PROCESSES
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
    assert ground.changes(before) == []


@ON_PROCESSES
def test_another_process_reverts_from_the_record_alone(ground: Ground) -> None:
    """The runner is dead; all that is left is the record, as JSON. Whoever reverts once more, as the runner and its
    watchdog may both do, changes nothing."""
    undo = ground.prepare()
    ground.fault.inject(undo, ground.platform)
    revert_elsewhere(undo)
    after = ground.snapshot()
    faults.revert(undo)
    assert ground.changes(after) == []


@IN_CONTAINERS
def test_a_fault_keeps_all_of_its_contract_in_containers(ground: Ground) -> None:
    """Preparing changes nothing, nor does reverting what was never injected; it bites, is there, is reverted by another
    process from its record alone, and once more; then it does not bite any more, and all is as it was."""
    before = ground.snapshot()
    undo = ground.prepare()
    assert not faults.is_present(undo)
    faults.revert(undo)
    assert ground.changes(before) == []
    ground.fault.inject(undo, ground.platform)
    evidence = ground.confirm(undo)
    assert evidence.confirmed, evidence.text
    assert evidence.text
    assert ground.passes or faults.is_present(undo)
    revert_elsewhere(undo)
    faults.revert(undo)
    assert ground.passes or not ground.confirm(undo).confirmed
    assert ground.changes(before) == []


def revert_elsewhere(undo: Undo) -> None:
    """By a process that knows nothing but the record."""
    script = Path(__file__).parents[1] / "faults" / "tinyshop.py"
    done = subprocess.run(
        [sys.executable, str(script), "revert"], input=to_json(undo), capture_output=True, timeout=120, check=False
    )
    assert (done.returncode, done.stdout.strip()) == (0, b"False"), done.stderr.decode()
    assert not faults.is_present(undo)


@pytest.mark.parametrize("ground", EVERYWHERE, indirect=True)
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
        assert (holder is None) == (undo.kind in ("command", "http", "placebo"))
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
        assert ground.changes(before) == []
    finally:
        keeper.close()


@pytest.mark.docker
def test_what_the_kernel_lacks_is_refused_before_anything(compose: ComposeShop) -> None:
    """The inventory and the fault itself say the same of netem, whichever way it is here."""
    has = "PacketMangler" in compose.inventory().capabilities
    for kind in (kind for kind, fault in FAULTS.items() if fault.needs.__name__ == "PacketMangler"):
        fault, where = small(kind)
        if has:
            assert fault.prepare(where, compose).kind == kind
        else:
            with pytest.raises(Unavailable, match="the engine's kernel has no netem"):
                fault.prepare(where, compose)
