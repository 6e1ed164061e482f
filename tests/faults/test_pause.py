"""`pause`."""

from __future__ import annotations

import os
import signal
import socket
from pathlib import Path

import pytest
from docker_project import Spec, running
from tinyshop import TinyShop, until

from chaos import faults
from chaos.faults.pause import Pause
from chaos.faults.shared import process
from chaos.faults.shared.service import Held, Question
from chaos.model.fault import Undo

pytestmark = pytest.mark.integration


def test_a_tree_that_is_only_half_frozen_is_not_confirmed(shop: TinyShop) -> None:
    """A worker that goes on answers customers."""
    fault = Pause()
    undo = fault.prepare("web", shop)
    fault.inject(undo, shop)
    child = process.tree(undo.data["before"]["pid"])[1]
    try:
        os.kill(child.pid, signal.SIGCONT)
        until(lambda: process.state(child) != "T")
        evidence = fault.confirm(undo, shop)
        assert not evidence.confirmed
        assert evidence.text == f"1 of 2 processes still run: {child.pid}"
    finally:
        faults.revert(undo)


def test_a_platform_that_is_gone_does_not_keep_it_frozen(shop: TinyShop, tmp_path: Path) -> None:
    """The processes in the record are thawed one by one, told apart by their start times."""
    fault = Pause()
    undo = fault.prepare("web", shop)
    fault.inject(undo, shop)
    lost = {"platform": "tiny", "folder": str(tmp_path / "never")}
    faults.revert(Undo(kind=undo.kind, where=undo.where, data=undo.data | {"control": lost}))
    assert not faults.is_present(undo)
    assert shop.instance("web").state == "running"


def test_a_process_that_died_while_frozen_is_not_paused(shop: TinyShop) -> None:
    """What took its place never was."""
    fault = Pause()
    undo = fault.prepare("cache", shop)
    fault.inject(undo, shop)
    shop.services.kill("cache")
    shop.services.start("cache")
    assert not faults.is_present(undo)
    faults.revert(undo)
    assert shop.instance("cache").healthy


@pytest.mark.docker
def test_the_very_container_goes_on_though_one_before_it_is_gone() -> None:
    """The third container of a service becomes its second when the first is removed; the paused one is another."""
    with running({"web": Spec(count=3)}) as project:
        platform, fault = project.platform(), Pause()
        undo = fault.prepare("web-2", platform)
        fault.inject(undo, platform)
        project.engine.client.api.remove_container(project.container_name("web", 1), force=True)
        assert faults.is_present(undo)
        faults.revert(undo)
        assert not faults.is_present(undo)
        assert project.inspect("web", 2)["State"]["Status"] == "running"


def test_silence_is_no_evidence_where_nobody_was_heard_before(shop: TinyShop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever cannot get to the service past its proxy hears nothing, whatever becomes of it: it is not asked."""
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        question = Question(address=f"127.0.0.1:{deaf.getsockname()[1]}", protocol="http", path="/")
        monkeypatch.setattr("chaos.faults.shared.service.question_to", lambda where, platform: question)
        undo = Pause().prepare("web", shop)
    assert Held.of(undo).question is None
