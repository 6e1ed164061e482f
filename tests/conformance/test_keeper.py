"""The keeper of leases on a Docker engine, our agent: it is told again when it was started anew, and what ran out stays
so. That every fault goes by itself when its lease runs out is in test_faults.py."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from cases import small
from composeshop import ComposeShop

from chaos import faults
from chaos.engine.lease import Keeper
from chaos.errors import Refused, Unavailable
from chaos.faults.shared import lease as places
from chaos.faults.shared.lease import Holder
from chaos.model.fault import Undo
from chaos.model.lease import Lease
from chaos.platforms.compose import agent

pytestmark = [pytest.mark.integration, pytest.mark.docker]

# Longer than a new agent takes to start on a busy machine.
TTL_S = 30.0
# The last renewal is for so long: then it runs out.
LAST_S = 0.5


class Held:
    """A lease of this test's own, and what is said of it."""

    def __init__(self) -> None:
        self.lost: list[str] = []
        self.notes: list[str] = []
        self.keeper = Keeper(
            Lease(id=f"run {time.monotonic_ns()}", ttl_s=TTL_S),
            on_lost=lambda _, why: self.lost.append(why),
            note=self.notes.append,
        )


@pytest.fixture
def held(compose: ComposeShop) -> Iterator[Held]:
    found = Held()
    yield found
    found.keeper.close()


def run_out(undo: Undo) -> Holder:
    """Nobody renews it any more."""
    holder = faults.holder(undo)
    assert holder is not None
    places.renew(holder, Lease(id=undo.lease, ttl_s=LAST_S))
    return holder


def gone_within(undo: Undo, within_s: float) -> bool:
    until_s = time.monotonic() + within_s
    while time.monotonic() < until_s:
        if not faults.is_present(undo):
            return True
        time.sleep(0.1)
    return False


@pytest.mark.parametrize("kind", ["down", "pause"])
def test_a_keeper_that_was_started_anew_is_given_the_records_again(kind: str, held: Held, compose: ComposeShop) -> None:
    """Its container is killed while the fault is on. The next renewal starts another and tells it all; nobody renews
    after that, and the fault goes by itself."""
    fault, where = small(kind)
    before = compose.snapshot()
    undo = held.keeper.hold(fault.prepare(where, compose))
    fault.inject(undo, compose)
    try:
        old = agent.find(compose.engine, compose.project)
        assert old is not None
        compose.engine.client.api.kill(old)
        held.keeper.beat()
        assert agent.find(compose.engine, compose.project) not in (None, old)
        assert any("was started anew" in note for note in held.notes)
        assert held.lost == []
        assert faults.is_present(undo)
        run_out(undo)
        assert gone_within(undo, 25)
        assert compose.snapshot().changes(before, same_life=True) == []
    finally:
        faults.revert(undo)


def test_a_lease_that_ran_out_refuses(held: Held, compose: ComposeShop) -> None:
    """It takes no record any more and cannot be renewed: whoever wakes up late is told, and injects nothing."""
    fault, where = small("down")
    undo = held.keeper.hold(fault.prepare(where, compose))
    holder = run_out(undo)
    time.sleep(LAST_S + 1)
    with pytest.raises(Unavailable, match="ran out"):
        places.entrust(holder, undo)
    assert places.renew(holder, Lease(id=undo.lease, ttl_s=TTL_S)) == "expired"
    held.keeper.beat()
    (why,) = held.lost
    assert "the lease ran out" in why
    assert not faults.is_present(undo)


def test_a_target_is_one_run_s_whichever_machine_it_comes_from(held: Held, compose: ComposeShop) -> None:
    """The lock is kept with the target, by the keeper of its leases: another run is refused and told whose it is; it is
    free again as soon as the lease is given back, and a dead holder's when that runs out."""
    held.keeper.claim(compose.control(), "run 1 of ann on laptop")
    holder, other = places.beside(compose.control()), Lease(id="run 2", ttl_s=TTL_S)
    with pytest.raises(Refused, match="is in use by run 1 of ann on laptop"):
        places.claim(holder, other, "run 2 of bob on ci")
    compose.engine.client.api.kill(agent.find(compose.engine, compose.project))
    held.keeper.beat()  # the keeper that was started anew is told of that too
    with pytest.raises(Refused, match="is in use by run 1 of ann on laptop"):
        places.claim(holder, other, "run 2 of bob on ci")
    held.keeper.close()
    assert places.claim(holder, Lease(id="run 2", ttl_s=LAST_S), "run 2 of bob on ci")
    until_s = time.monotonic() + 20
    third = Lease(id="run 3", ttl_s=TTL_S)
    while True:
        try:
            places.claim(holder, third, "run 3 of ann on laptop")
            break
        except Refused:
            assert time.monotonic() < until_s, "a dead holder's lock stays"
            time.sleep(0.1)
    places.release(holder, third.id)


def test_an_agent_that_keeps_a_lease_is_not_replaced_by_another_version_s(
    held: Held, compose: ComposeShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two machines with two versions of Saleproof, and one engine."""
    held.keeper.claim(compose.control(), "run 1 of ann on laptop")
    ours = agent.find(compose.engine, compose.project)
    monkeypatch.setattr(agent, "find", lambda *_: None)  # as it is for another version, which looks for its own image
    with pytest.raises(Refused, match=r"is in use by run run [0-9]+, of another version of Saleproof"):
        agent.ensure(compose.engine, compose.project)
    monkeypatch.undo()
    assert agent.find(compose.engine, compose.project) == ours
