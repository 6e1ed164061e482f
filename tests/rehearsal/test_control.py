"""The control of an exported experiment, as the Chaos Toolkit calls it."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Self

import pytest

from chaos.rehearsal import control, rehearsal

EXPERIMENT = Path(__file__).parents[2] / "experiments" / "no-fault.yaml"
TARGET = Path(__file__).parents[2] / "targets" / "shop.yaml"


class Interrupted:
    """A rehearsal during whose closing somebody presses Ctrl-C."""

    closed = False
    session = None

    def __init__(self, *_: Any, **__: Any) -> None:
        self.signals: list[str] = []

    def interrupt(self, name: str) -> None:
        self.signals.append(name)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.05)  # where an interpreter would raise
        type(self).closed = True


def test_a_signal_while_the_run_is_closed_does_not_disturb_that(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The last reverts, the end of the record and the target's taking down come whatever a person presses."""
    monkeypatch.setenv("SALEPROOF_STATE", str(tmp_path))
    monkeypatch.setattr(rehearsal, "Rehearsal", Interrupted)
    before = signal.getsignal(signal.SIGINT)
    handlers: list[Any] = []
    registry = SimpleNamespace(register=handlers.append)
    control.configure_control(str(EXPERIMENT), str(TARGET), "resilient", 1, None, registry)
    handlers[0].running({}, {})
    control.cleanup_control()
    assert Interrupted.closed
    assert signal.getsignal(signal.SIGINT) == before
