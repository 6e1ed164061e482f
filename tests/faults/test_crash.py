"""`crash`."""

from __future__ import annotations

import os
import signal

import pytest
from tinyshop import TinyShop

from chaos import faults
from chaos.errors import Unavailable
from chaos.faults.crash import Crash

pytestmark = pytest.mark.integration


def test_what_did_not_die_is_not_confirmed(shop: TinyShop) -> None:
    """A crash that was sent and not felt is none."""
    fault = Crash()
    undo = fault.prepare("web", shop)
    evidence = fault.confirm(undo, shop)
    assert not evidence.confirmed
    assert evidence.text == f"process {shop.instance('web').pid} still runs"


def test_a_service_without_a_restart_policy_is_started_by_the_revert(shop: TinyShop) -> None:
    """Reverted means running and healthy again, whoever did it."""
    shop.services._write("web", policy="never")
    try:
        fault = Crash()
        undo = fault.prepare("web", shop)
        fault.inject(undo, shop)
        assert fault.confirm(undo, shop).text.endswith("now failed")
        assert faults.is_present(undo)
        faults.revert(undo)
        assert shop.instance("web").healthy
    finally:
        shop.services._write("web", policy="on-failure")


def test_a_service_that_does_not_run_cannot_crash(shop: TinyShop) -> None:
    """Said before anything is injected."""
    shop.services.stop("cache")
    try:
        with pytest.raises(Unavailable, match="cache is stopped, not running"):
            Crash().prepare("cache", shop)
    finally:
        shop.services.start("cache")


def test_a_paused_service_is_left_alone(shop: TinyShop) -> None:
    """It is another fault's: reverting a crash neither waits for it nor thaws it."""
    fault = Crash()
    undo = fault.prepare("web", shop)
    pid = shop.instance("web").pid
    assert pid is not None
    shop.services.pause("web")
    try:
        faults.revert(undo)
        assert shop.instance("web").state == "paused"
    finally:
        os.killpg(pid, signal.SIGCONT)
