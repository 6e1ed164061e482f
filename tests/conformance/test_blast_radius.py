"""Only its own: what looks like a part of the target and is none is never touched. That no fault touches it is in
test_faults.py, where every comparison has the decoys in it; here is what is done besides."""

from __future__ import annotations

import time
from pathlib import Path

import composeshop
import pytest
from cases import small

from chaos import faults
from chaos.engine.ledger import Entry, Ledger
from chaos.engine.revert import revert_all
from chaos.platforms.compose import project
from chaos.platforms.compose.station import ComposeStation

pytestmark = [pytest.mark.integration, pytest.mark.docker]


def test_recover_release_and_down_leave_decoys_alone(tmp_path: Path) -> None:
    """What `docker inspect` says of each is the same all the time; `down` leaves what bears the project's name and is
    not of its files."""
    with composeshop.running() as shop:
        before = shop.decoys()
        assert len(before) == 7
        assert all(found["State"]["Running"] for found in before.values())
        assert {one.what for one in shop.inventory().instances.values()} == {
            f"container {shop.project}-{service}-1" for service in ("edge", "web", "cache")
        }
        ledger = Ledger(tmp_path / "ledger")
        for kind in ("latency", "isolate", "kill"):
            fault, where = small(kind)
            undo = fault.prepare(where, shop)
            entry = Entry(run="run", fault=kind, place=where, target="conformance", undo=undo)
            ledger.open(entry)
            fault.inject(undo, shop)
            assert shop.decoys() == before
            assert not revert_all(ledger, [entry], by="recover", at_s=time.monotonic, emit=lambda event: None)
            assert not faults.is_present(undo)
            assert shop.decoys() == before
        ComposeStation("conformance", shop.project, shop.engine).release()
        assert shop.decoys() == before
        shop.down()
        assert shop.decoys() == before
        left = {one.name for one in project.containers(shop.engine, shop.project)}
        assert left == {f"{shop.project}-bystander-1"}
