"""The runner's side of the lease, on a virtual clock; the place that keeps it has the real arithmetic."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from chaos.clock import VirtualClock
from chaos.engine import lease as engine_lease
from chaos.engine.guard import Guard
from chaos.engine.lease import Keeper
from chaos.engine.session import Stopped
from chaos.errors import Refused, Unavailable
from chaos.faults.shared.lease import Holder
from chaos.model.event import FaultConfirmed, FaultIntended, GuardBroken, LeaseExpired, Noted
from chaos.model.fault import Undo
from chaos.model.lease import Lease, Leases, Renewal
from chaos.model.verdict import Status

from .conftest import FileFault, make_plan

HOLDER = Holder(kind="fault proxy", reach={"api": "127.0.0.1:1"})


class Place:
    """Where the target lives: keeps leases on the test's clock, and takes the faults back when one runs out."""

    def __init__(self, clock: VirtualClock, folder: Path) -> None:
        self.clock, self.folder = clock, folder
        self.leases = Leases()
        self.works = True
        self.keeps = True
        self.renewals = 0

    def renew(self, holder: Holder, lease: Lease) -> Renewal:
        self.look()
        if not self.works:
            raise Unavailable("it hangs")
        self.renewals += 1
        return self.leases.renew(lease, self.clock.now_s())

    def release(self, holder: Holder, name: str, *, clean: bool = False) -> None:
        self.leases.release(name)

    def look(self) -> None:
        if self.leases.expire(self.clock.now_s()):
            for path in self.folder.iterdir():
                path.unlink()


class Beating(VirtualClock):
    """Moves in steps of a second, and the keeper renews meanwhile; `sleeps_at_s` is when the runner stands still."""

    def __init__(self) -> None:
        super().__init__()
        self.keeper: Keeper | None = None
        self.sleeps_at_s = float("inf")
        self.slept = 0.0

    def wait(self, seconds: float, until: threading.Event) -> bool:
        ends_s = self.now_s() + seconds
        while self.now_s() < ends_s:
            if until.is_set():
                return True
            if self.now_s() >= self.sleeps_at_s:
                self.sleeps_at_s = float("inf")
                super().wait(self.slept, threading.Event())
                continue
            super().wait(min(1.0, ends_s - self.now_s()), until)
            if self.keeper is not None:
                self.keeper.beat()
        return until.is_set()


@pytest.fixture
def make(make_stage: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """A stage whose faults are under a lease of 10 s, with its place and its keeper."""

    def build(plan: Any = None, *, keeps: bool = True) -> Any:
        monkeypatch.setattr(FileFault, "holder", staticmethod(lambda undo: HOLDER), raising=False)
        stage = make_stage(plan)
        clock = Beating()
        stage.session.clock, stage.clock = clock, clock
        stage.place = Place(clock, stage.folder)
        monkeypatch.setattr(engine_lease.places, "renew", stage.place.renew)
        monkeypatch.setattr(engine_lease.places, "release", stage.place.release)
        monkeypatch.setattr(engine_lease.places, "keeps", lambda holder: keeps)
        session = stage.session
        session.keeper = Keeper(Lease(id="run-1"), on_lost=session.lease_ran_out, note=session.note, now_s=clock.now_s)
        clock.keeper = session.keeper
        return stage

    return build


def run(stage: Any, step: int = 0) -> Any:
    return stage.session.run_step(stage.session.plan.steps[step])


def test_a_run_that_renews_keeps_its_faults(make: Any) -> None:
    """To their end, under one lease, which is given back."""
    stage = make()
    run(stage)
    assert stage.session.status is Status.COMPLETED
    (intended,) = [e for e in stage.events if isinstance(e, FaultIntended)]
    assert intended.undo.lease == "run-1"
    assert all(e.evidence.confirmed for e in stage.events if isinstance(e, FaultConfirmed))
    assert stage.place.renewals > 5
    stage.session.keeper.close()
    assert stage.place.leases.left_s("run-1", stage.clock.now_s()) is None


def test_a_runner_that_was_stopped_says_so_and_injects_nothing_more(make: Any) -> None:
    """The fault is gone where the target lives; the run ends aborted, the fault counts as one that did not bite."""
    stage = make(make_plan(steps=2))
    stage.clock.sleeps_at_s, stage.clock.slept = 4.0, 3600.0
    with pytest.raises(Stopped, match="stopped or asleep for 36"):
        run(stage)
    assert stage.session.status is Status.ABORTED
    (expired,) = [e for e in stage.events if isinstance(e, LeaseExpired)]
    assert stage.session.reason == expired.reason
    assert "the lease ran out" in expired.reason
    assert stage.in_place() == []
    assert stage.ledger.entries() == ()
    before = len(stage.events)
    with pytest.raises(Stopped, match="lease ran out"):
        run(stage, 1)
    assert not [e for e in stage.events[before:] if isinstance(e, FaultIntended)]


def test_the_last_word_on_a_fault_is_that_it_was_gone(make: Any) -> None:
    """So that the verdict cannot be a pass."""
    stage = make()
    stage.clock.sleeps_at_s, stage.clock.slept = 4.0, 60.0
    look = stage.session.lease_ran_out

    def lost(holder: str, reason: str) -> None:
        stage.place.look()
        look(holder, reason)

    stage.session.keeper._on_lost = lost
    with pytest.raises(Stopped):
        run(stage)
    words = [e.evidence for e in stage.events if isinstance(e, FaultConfirmed)]
    assert [w.confirmed for w in words] == [True, False]
    assert "the lease ran out" in words[-1].text


def test_a_sleep_between_two_steps_counts_too(make: Any) -> None:
    """Whoever wakes up an hour later does not go on as if nothing had been."""
    stage = make()
    stage.clock.sleeps_at_s, stage.clock.slept = 2.0, 3600.0
    with pytest.raises(Stopped, match="lease ran out"):
        stage.session.measure(stage.session.plan.windows[0])
    with pytest.raises(Stopped, match="lease ran out"):
        run(stage)
    assert "FaultIntended" not in stage.kinds()


def test_waking_up_inside_an_injection_injects_nothing(make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock is looked at after preparing too, which may take long."""
    stage = make()
    prepare = FileFault.prepare

    def slow(self: FileFault, where: str, platform: object) -> Undo:
        undo = prepare(self, where, platform)
        VirtualClock.wait(stage.clock, 60.0, threading.Event())
        return undo

    monkeypatch.setattr(FileFault, "prepare", slow)
    with pytest.raises(Stopped, match="lease ran out"):
        run(stage)
    assert "FaultIntended" not in stage.kinds()


def test_a_nap_shorter_than_the_lease_is_no_harm(make: Any) -> None:
    """Nothing was taken back, so nothing is said."""
    stage = make()
    stage.clock.sleeps_at_s, stage.clock.slept = 4.0, 5.0
    run(stage)
    assert stage.session.status is Status.COMPLETED
    assert "LeaseExpired" not in stage.kinds()


def test_the_guard_does_not_blame_the_shop(make: Any) -> None:
    """What a runner sees when it wakes up is not the shop's doing: no breach is recorded."""
    stage = make()
    VirtualClock.wait(stage.clock, 60.0, threading.Event())
    stage.session.abort(GuardBroken(at_s=60.0, condition="error-rate > 25%", error="nothing was heard for 5 s"))
    assert stage.kinds() == ["LeaseExpired"]
    assert "lease ran out" in stage.session.reason


def test_a_guard_that_wakes_up_first(make: Any) -> None:
    """The same by way of its own loop."""

    class Deaf:
        def recent(self, condition: Any, span_s: float) -> tuple[int, int]:
            raise Unavailable("the traffic generator has said nothing for 5 s")

    stage = make()
    VirtualClock.wait(stage.clock, 60.0, threading.Event())
    Guard(stage.session, Deaf(), stage.clock).check()
    assert stage.kinds() == ["LeaseExpired"]


def test_a_place_that_does_not_answer_for_as_long_as_the_lease(make: Any) -> None:
    """One lost renewal is no harm; without any for 10 s the lease has run out there, and the reason is said."""
    stage = make()
    stage.session.keeper.hold(Undo(kind="test-file", where="a"))
    stage.place.works = False
    stage.clock.wait(9.0, threading.Event())
    assert stage.session.keeper.check() == ""
    stage.place.works = True
    stage.clock.wait(5.0, threading.Event())
    stage.place.works = False
    stage.clock.wait(12.0, threading.Event())
    assert "could not be renewed at the fault proxy" in stage.session.reason
    assert "it hangs" in stage.session.reason
    (expired,) = [e for e in stage.events if isinstance(e, LeaseExpired)]
    assert expired.holder == "fault proxy"


def test_a_place_whose_clock_went_on_decides(make: Any) -> None:
    """The runner thinks that all is well, and the place says that the lease is over: it is."""
    stage = make()
    stage.session.keeper.hold(Undo(kind="test-file", where="a"))
    stage.place.leases.expire(stage.clock.now_s() + 100)
    stage.session.keeper.beat()
    assert "the fault proxy had not heard of the runner" in stage.session.reason
    assert stage.session.status is Status.ABORTED


def test_a_place_that_was_started_anew_is_told_until_it_has_heard(make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it was not told of it could not take back; the first try may get no answer."""
    stage = make()
    told: list[str] = []
    answers = iter([True, False, True])

    def entrust(holder: Holder, undo: Undo) -> None:
        if not next(answers):
            raise Unavailable("no answer")
        told.append(undo.where)

    monkeypatch.setattr(engine_lease.places, "entrust", entrust)
    stage.session.keeper.hold(Undo(kind="test-file", where="a"))
    stage.place.leases = Leases()
    for _ in range(3):
        stage.session.keeper.beat()
    assert told == ["a", "a"]
    assert stage.session.keeper.check() == ""


def test_a_target_that_became_anothers_meanwhile_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its agent was started anew by a run from another machine, which has the lock now: ours is over, and says why."""
    answers = iter(["created", "renewed", "renewed"])
    claims: list[str] = []
    lost: list[str] = []

    def claim(_: Holder, __: Lease, who: str) -> bool:
        claims.append(who)
        if len(claims) > 1:
            raise Refused("the target's project 'shop' is in use by run 2 of bob")
        return True

    monkeypatch.setattr(engine_lease.places, "claim", claim)
    monkeypatch.setattr(engine_lease.places, "renew", lambda *_: next(answers))
    keeper = Keeper(Lease(id="run-1"), on_lost=lambda _, why: lost.append(why), note=lambda _: None)
    keeper.claim({"platform": "compose", "endpoint": {"host": "unix:///none"}, "project": "shop"}, "run 1 of ana")
    for _ in range(3):
        keeper.beat()
    (why,) = lost
    assert "in use by run 2 of bob" in why
    assert keeper.check() == why


def test_where_no_lease_is_kept_the_record_says_so(make: Any) -> None:
    """Once; the fault is injected all the same, as on Shopify's Toxiproxy."""
    stage = make(make_plan(("a", "b")), keeps=False)
    run(stage)
    notes = [e.text for e in stage.events if isinstance(e, Noted)]
    assert len(notes) == 1
    assert "keeps no leases" in notes[0]
    assert [e.undo.lease for e in stage.events if isinstance(e, FaultIntended)] == ["", ""]
    assert stage.session.status is Status.COMPLETED


def test_a_lease_that_cannot_be_made_stops_the_injection(make: Any) -> None:
    """Before anything is touched."""
    stage = make()
    stage.place.works = False
    with pytest.raises(Unavailable, match="it hangs"):
        run(stage)
    assert stage.in_place() == []
    assert "FaultIntended" not in stage.kinds()


def test_a_run_that_is_over_notices_nothing(make: Any) -> None:
    """After the end nobody renews, and that is no reason to fail; closing twice is harmless."""
    stage = make()
    run(stage)
    stage.session.keeper.close()
    VirtualClock.wait(stage.clock, 60.0, threading.Event())
    assert stage.session.keeper.check() == ""
    stage.session.keeper.close()
    assert stage.session.status is Status.COMPLETED


def test_renewals_come_by_themselves(make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """By threads, which end with the keeper."""
    stage = make()
    lost: list[str] = []
    keeper = Keeper(Lease(id="run-1", ttl_s=6), on_lost=lambda h, why: lost.append(why), note=lost.append)
    stage.place.clock = stage.clock
    keeper.start()
    keeper.hold(Undo(kind="test-file", where="a"))
    until_s = time.monotonic() + 20
    while stage.place.renewals < 3:
        assert time.monotonic() < until_s
        time.sleep(0.02)
    keeper.close()
    assert lost == []
    assert not [t for t in threading.enumerate() if t.name.startswith("lease ")]


def test_a_lock_that_was_not_answered_for_is_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """It may have been taken all the same, and then nobody else would get the target until it runs out."""
    given_back: list[str] = []

    def claim(*_: object) -> bool:
        raise Unavailable("no answer")

    monkeypatch.setattr(engine_lease.places, "claim", claim)
    monkeypatch.setattr(engine_lease.places, "release", lambda _, name, *, clean: given_back.append(name))
    keeper = Keeper(Lease(id="run-1"), on_lost=lambda *_: None, note=lambda _: None)
    with pytest.raises(Unavailable, match="no answer"):
        keeper.claim({"platform": "compose", "endpoint": {"host": "unix:///none"}, "project": "shop"}, "run 1 of ana")
    assert given_back == ["run-1"]
