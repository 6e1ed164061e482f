"""Taking back what a dead runner has left: also what it had asked for with its last breath."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from chaos import faults
from chaos.engine.late import may_come
from chaos.engine.ledger import Entry, Ledger
from chaos.engine.revert import revert_all
from chaos.errors import SaleproofError
from chaos.faults.latency import Latency
from chaos.faults.shared import lease
from chaos.faults.shared.lease import Holder
from chaos.model.event import AnyEvent, FaultReverted
from chaos.model.fault import Undo
from chaos.model.lease import Lease
from chaos.proxy.client import ToxiproxyClient
from chaos.units import Duration

sys.path.insert(0, str(Path(__file__).parents[1] / "faults"))

import tinyshop


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[tinyshop.TinyShop]:
    running = tinyshop.TinyShop(tmp_path / "shop")
    try:
        running.up()
        yield running
    finally:
        running.down()


def prepared(shop: tinyshop.TinyShop, ledger: Ledger) -> tuple[Latency, Undo, Entry]:
    """Written down under a lease that is held, and not injected yet."""
    fault = Latency(delay=Duration(0.2))
    ToxiproxyClient(shop.proxy_api).renew_lease(Lease(id="r1"))
    plain = fault.prepare("web -> cache", shop)
    undo = Undo(kind=plain.kind, where=plain.where, data=plain.data, lease="r1")
    entry = Entry(run="r1", fault="1.1", place="web -> cache", target="tiny", undo=undo)
    ledger.open(entry)
    return fault, undo, entry


@pytest.mark.integration
@pytest.mark.parametrize("by", ["watchdog", "recover"])
def test_what_was_on_its_way_does_not_come_after_the_revert(shop: tinyshop.TinyShop, tmp_path: Path, by: str) -> None:
    """The runner was killed with its request on the way: reverted, read back, and then the request arrives."""
    ledger = Ledger(tmp_path / "ledger")
    fault, undo, entry = prepared(shop, ledger)
    events: list[AnyEvent] = []
    assert revert_all(ledger, [entry], by=by, at_s=time.monotonic, emit=events.append) == ()  # type: ignore[arg-type]
    assert [type(event) for event in events] == [FaultReverted]
    with pytest.raises(SaleproofError, match="lease"):
        fault.inject(undo, shop)
    assert not any(proxy.toxics for proxy in ToxiproxyClient(shop.proxy_api).proxies().values())


@pytest.mark.integration
def test_the_runner_keeps_its_lease(shop: tinyshop.TinyShop, tmp_path: Path) -> None:
    """Its next step's faults are under the same one."""
    ledger = Ledger(tmp_path / "ledger")
    fault, undo, entry = prepared(shop, ledger)
    assert revert_all(ledger, [entry], by="runner", at_s=time.monotonic, emit=lambda event: None) == ()
    fault.inject(undo, shop)
    Latency.revert(undo)


@pytest.mark.integration
def test_a_holder_that_is_gone_is_no_hindrance(shop: tinyshop.TinyShop, tmp_path: Path) -> None:
    """A fault proxy that was killed has taken its faults along, and gives no lease back."""
    ledger = Ledger(tmp_path / "ledger")
    _, _, entry = prepared(shop, ledger)
    shop.end_proxy()
    assert revert_all(ledger, [entry], by="recover", at_s=time.monotonic, emit=lambda event: None) == ()
    assert ledger.entries() == ()


@pytest.mark.parametrize(("kind", "order"), [("fault proxy", ["lease", "fault"]), ("agent", ["fault", "lease"])])
def test_a_lease_that_refuses_nothing_waits_for_the_revert(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, order: list[str]
) -> None:
    """To end one at an agent takes about as long as the revert itself; it only makes the agent look again later."""
    done: list[str] = []
    monkeypatch.setattr(faults, "holder", lambda undo: Holder(kind=kind, reach={}))  # type: ignore[arg-type]
    monkeypatch.setattr(faults, "revert", lambda undo: done.append("fault"))
    monkeypatch.setattr(lease, "release", lambda holder, name: done.append("lease"))
    ledger = Ledger(tmp_path / "ledger")
    entry = Entry(run="r1", fault="1.1", place="", target="tiny", undo=Undo(kind="placebo", where="", lease="r1"))
    ledger.open(entry)
    assert revert_all(ledger, [entry], by="watchdog", at_s=time.monotonic, emit=lambda event: None) == ()
    assert done == order


def test_a_record_of_another_version_keeps_no_other_fault_in_place(tmp_path: Path) -> None:
    """It is stuck, in words, and stays in the ledger; what was injected before it is reverted all the same."""
    ledger = Ledger(tmp_path / "ledger")
    records = [
        Undo(kind="placebo", where="", lease="r1"),
        Undo(kind="latency", where="web -> db", lease="r1", data={"of": "tomorrow"}),
        Undo(kind="earthquake", where="web -> db", lease="r1"),
        Undo(kind="latency", where="web -> db", data={"of": "tomorrow"}),
    ]
    entries = [
        Entry(run="r1", fault=f"1.{number}", place="", target="tiny", undo=undo) for number, undo in enumerate(records)
    ]
    for entry in entries:
        ledger.open(entry)
    assert len(may_come(entries)) == 0
    stuck = revert_all(ledger, entries, by="recover", at_s=time.monotonic, emit=lambda event: None)
    assert [each.fault for each in stuck] == ["1.3", "1.2", "1.1"]
    assert "does not understand the fault's record" in stuck[0].error
    assert "has no such fault" in stuck[1].error
    assert [entry.fault for entry in ledger.entries()] == ["1.1", "1.2", "1.3"]
