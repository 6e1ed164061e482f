"""A dead runner's last request arrives after its revert, at a fault proxy that keeps no leases."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from .small import Small, until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]
PROXY = Path(__file__).with_name("plain_proxy.py")


class Plain(Small):
    def _write_target(self) -> None:
        super()._write_target()
        file = self.folder / "target.yaml"
        own = f'  embedded:\n    fault-proxy: ["{{python}}", "{PROXY}", --port, "{{port}}", --config, "{{config}}"]\n'
        file.write_text(file.read_text().replace("  embedded:\n", own))


@pytest.fixture
def shop() -> Iterator[Plain]:
    with Plain() as up:
        yield up
    assert up.processes("") == []


@pytest.mark.parametrize("alone", [False, True], ids=["watchdog", "recover"])
def test_what_comes_after_its_revert_is_taken_back(shop: Plain, alone: bool) -> None:
    """The runner is killed with its request on the way; whoever reverts finds nothing there, and looks again. No run
    begins meanwhile, and the record says what came."""
    run = shop.run()
    until(lambda: list(shop.folder.rglob("proxies.asked")))
    if alone:
        os.kill(shop.processes("rehearsal.watchdog")[0], signal.SIGKILL)
    run.kill()
    run.communicate(timeout=10)
    killed_s = time.monotonic()
    if alone:
        recovered = shop.command("recover")
        assert recovered.returncode == 0, recovered.stderr
        assert "came after its revert, and was taken back" in recovered.stderr
    else:
        until(lambda: not shop.outside.ledger())  # it found nothing there to revert
        refused = shop.saleproof("run", shop.experiment("latency: {link: edge -> web, delay: 200ms, for: 2s}"))
        assert (refused.returncode, "what a dead run had asked for" in refused.stderr) == (75, True), refused.stderr
        until(lambda: not shop.processes("rehearsal.watchdog"))
    assert time.monotonic() - killed_s > 10
    assert shop.outside.broken() == []
    assert shop.outside.ledger() == []
    assert "came after its revert, and was taken back" in " ".join(shop.events().split())
    assert shop.judged()["faults"][0]["reverted_by"] == ("recover" if alone else "watchdog")
