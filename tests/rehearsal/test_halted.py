"""A halt before the run, and while its target comes up."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from chaos.engine.halt import HaltFile
from chaos.errors import Interrupted, Refused
from chaos.rehearsal.halted import refuse_when_halted, unwind_when_halted


def test_a_halted_machine_refuses(tmp_path: Path) -> None:
    """It says by whom, why, and how to go on."""
    file = HaltFile(tmp_path)
    refuse_when_halted(file)
    file.write("ana", "sale")
    with pytest.raises(Refused, match=r"halted by ana since .*: sale; .*saleproof resume"):
        refuse_when_halted(file)


def test_a_halt_wakes_what_is_coming_up(tmp_path: Path) -> None:
    """Also out of a blocking call, and it is told from Ctrl-C."""
    file = HaltFile(tmp_path)
    press = threading.Timer(0.3, lambda: file.write("ana"))
    press.start()
    began_s = time.monotonic()
    with pytest.raises(Interrupted, match="halted by ana"), unwind_when_halted(file):
        time.sleep(60)
    press.join()
    assert time.monotonic() - began_s < 30


def test_ctrl_c_stays_ctrl_c(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), unwind_when_halted(HaltFile(tmp_path)):
        raise KeyboardInterrupt


def test_without_a_halt_nothing_happens(tmp_path: Path) -> None:
    """And no thread stays behind."""
    before = threading.active_count()
    with unwind_when_halted(HaltFile(tmp_path)):
        time.sleep(0.3)
    assert threading.active_count() == before
