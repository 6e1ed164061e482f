"""The keeper of leases by itself, with faults that only count."""

from __future__ import annotations

import threading
import time

import pytest

from chaos import faults
from chaos.agent import keep
from chaos.errors import RevertFailed
from chaos.model.base import to_plain
from chaos.model.fault import Undo


class Shelf:
    """What is in place, by place. `late` comes into place once more after its first revert."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, late: str = "", stuck: int = 0) -> None:
        self.there = {"web-1", "web-2"}
        self.reverted: list[str] = []
        self.late, self.stuck = late, stuck
        self.done = threading.Event()
        monkeypatch.setattr(faults, "is_present", lambda undo: undo.where in self.there)
        monkeypatch.setattr(faults, "revert", self._revert)
        monkeypatch.setattr(keep, "TRY_AGAIN_S", 0.01)
        monkeypatch.setattr(keep, "LATE_S", 0.2)

    def _revert(self, undo: Undo) -> None:
        if self.stuck:
            self.stuck -= 1
            raise RevertFailed("not now")
        self.reverted.append(undo.where)
        self.there.discard(undo.where)
        if undo.where == self.late:
            self.late = ""
            self.there.add(undo.where)


RECORDS = [Undo(kind="kill", where="web-1"), Undo(kind="kill", where="web-2")]


def test_what_comes_late_is_taken_back_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """A dead runner's last call may be done after its faults were reverted."""
    shelf = Shelf(monkeypatch, late="web-1")
    keep.revert(RECORDS)
    assert shelf.there == set()
    assert shelf.reverted == ["web-1", "web-2", "web-1"]


def test_it_goes_on_until_all_are_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that cannot be reverted now keeps nobody else's from being reverted."""
    shelf = Shelf(monkeypatch, stuck=3)
    keep.revert(RECORDS)
    assert shelf.there == set()


def test_a_lease_that_runs_out_takes_its_records_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """The last one first; and nobody can renew it."""
    shelf = Shelf(monkeypatch)
    now_s = [100.0]
    monkeypatch.setattr(keep, "boottime_s", lambda: now_s[0])
    keeper = keep.Keeper()
    assert keeper.answer({"do": "renew", "lease": "r1", "ttl_s": 10}) == "created"
    for undo in RECORDS:
        keeper.answer({"do": "entrust", "lease": "r1", "undo": to_plain(undo)})
    now_s[0] += 9
    keeper.look()
    assert shelf.reverted == []
    now_s[0] += 2
    keeper.look()
    for thread in threading.enumerate():
        if thread.name == "r1":
            now_s[0] += 1000
            thread.join(5)
    assert shelf.reverted == ["web-2", "web-1"]
    assert keeper.answer({"do": "renew", "lease": "r1", "ttl_s": 10}) == "expired"
    with pytest.raises(ValueError, match="ran out"):
        keeper.answer({"do": "entrust", "lease": "r1", "undo": to_plain(RECORDS[0])})


@pytest.mark.parametrize(("kind", "left"), [("kill", {"web-1"}), ("latency", set())])
def test_the_fault_of_the_next_run_is_left_alone(monkeypatch: pytest.MonkeyPatch, kind: str, left: set[str]) -> None:
    """The first one's places are looked at for a while longer. What is down there by then is the second one's doing;
    what has a name is not mistaken."""
    shelf = Shelf(monkeypatch)
    monkeypatch.setattr(keep, "LATE_S", 0.5)
    keeper = keep.Keeper()
    for lease in ("r1", "r2"):
        keeper.answer({"do": "renew", "lease": lease, "ttl_s": 100})
        shelf.there = {"web-1"}
        undo = Undo(kind=kind, where="web-1", lease=lease)
        keeper.answer({"do": "entrust", "lease": lease, "undo": to_plain(undo)})
        if lease == "r1":
            keeper.answer({"do": "release", "lease": lease})
            while shelf.there:
                time.sleep(0.01)
    for thread in threading.enumerate():
        if thread.name == "r1":
            thread.join(5)
    assert shelf.there == left


def test_a_claim_lasts_as_long_as_its_lease(monkeypatch: pytest.MonkeyPatch) -> None:
    """One at a time; the same one may ask again."""
    now_s = [100.0]
    monkeypatch.setattr(keep, "boottime_s", lambda: now_s[0])
    keeper = keep.Keeper()
    claim = {"do": "claim", "ttl_s": 10}
    assert keeper.answer(claim | {"lease": "r1", "who": "run r1 of ann"}) == ""
    assert keeper.answer(claim | {"lease": "r2", "who": "run r2 of bob"}) == "run r1 of ann"
    assert keeper.answer(claim | {"lease": "r1", "who": "run r1 of ann"}) == ""
    assert keeper.answer({"do": "held", "lease": ""}) == ["r1"]
    assert keeper.answer({"do": "claimed", "lease": ""}) == ["run r1 of ann"]
    now_s[0] += 11
    assert keeper.answer({"do": "claimed", "lease": ""}) == []
    assert keeper.answer(claim | {"lease": "r2", "who": "run r2 of bob"}) == ""


def test_it_is_needed_while_somebody_holds_a_lease(monkeypatch: pytest.MonkeyPatch) -> None:
    """And for a while after, so that its log can be read."""
    now_s = [100.0]
    monkeypatch.setattr(keep, "boottime_s", lambda: now_s[0])
    keeper = keep.Keeper()
    keeper.answer({"do": "renew", "lease": "r1", "ttl_s": 3000})
    now_s[0] += 2 * keep.GONE_AFTER_S
    assert keeper.is_needed()
    keeper.answer({"do": "release", "lease": "r1"})
    assert keeper.is_needed()
    now_s[0] += keep.GONE_AFTER_S + 1
    assert not keeper.is_needed()
