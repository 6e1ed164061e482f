"""The addresses of names, looked up beside whatever else is done."""

from __future__ import annotations

import threading

import pytest

from chaos.agent import names
from chaos.agent.names import Names

NAME = "localhost"


def watching() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == f"name {NAME}"]


def test_a_name_that_is_wanted_again_at_once_has_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """A link that is detached and attached again, however often; and none once nobody wants it."""
    monkeypatch.setattr(names, "LOOK_EVERY_S", 0.2)
    found = Names()
    for _ in range(5):
        found.want([(NAME, False)])
        found.want([])
    found.want([(NAME, False)])
    assert len(watching()) == 1
    found.want([])
    for thread in watching():
        thread.join(10)
    assert watching() == []
