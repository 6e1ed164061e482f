"""One target, several machines: whose it is, and what a run that does not get it leaves behind."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from chaos.faults.pause import Pause
from chaos.faults.shared import lease as places
from chaos.faults.shared.lease import Holder
from chaos.model.base import to_plain
from chaos.model.lease import Lease
from chaos.platforms.compose import agent, halt
from chaos.proxy.client import ToxiproxyClient
from chaos.proxy.values import ToxicSpec

from .compose import LINK, Tiny, left, run_with_its_fault_on
from .conftest import Saleproof
from .small import until

pytestmark = [pytest.mark.e2e, pytest.mark.docker, pytest.mark.timeout(240)]
ANNS = Lease(id="run 1", ttl_s=120.0)


@pytest.fixture
def command(small: Tiny, tmp_path: Path) -> Iterator[Saleproof]:
    """The command line of another machine: its state folder knows nothing of any other run."""
    found = small.command(tmp_path / "state")
    yield found
    halt.remove(small.engine, small.project)  # of a test that has failed: it outlives the project
    assert small.toxics() == []
    assert agent.find(small.engine, small.project) is None
    assert found.leftovers() == []


def held_by_ann(small: Tiny, project: str) -> Holder:
    """Another machine's run has that project."""
    reach = {"platform": "compose", "endpoint": to_plain(small.engine.endpoint), "project": project}
    holder = places.beside(reach)
    assert places.claim(holder, ANNS, "run 1 of ann on laptop")
    return holder


def test_a_run_that_is_refused_the_target_leaves_the_agent_of_the_one_that_has_it(
    small: Tiny, command: Saleproof
) -> None:
    """75 and whose it is; the other's agent is the same one, and still keeps its lease."""
    holder = held_by_ann(small, small.project)
    theirs = agent.find(small.engine, small.project)
    try:
        refused = command("run", small.experiment, "--target", small.target.path, "--platform", "compose")
        assert refused.returncode == 75, refused.stderr
        assert "in use by run 1 of ann on laptop" in refused.stderr
        assert agent.find(small.engine, small.project) == theirs
        assert places.renew(holder, ANNS) == "renewed"
    finally:
        places.release(holder, ANNS.id)
        agent.dismiss(small.engine, small.project)


def test_a_target_that_somebody_else_brings_up_is_not_brought_up(
    small: Tiny, command: Saleproof, tmp_path: Path
) -> None:
    """The lock is taken before anything is started: of the two that find the target down, one is refused."""
    project = f"{small.project}-2"
    file = tmp_path / "tiny.yaml"
    file.write_text(Path(small.target.path).read_text().replace(small.project, project))
    holder = held_by_ann(small, project)
    try:
        refused = command("run", small.experiment, "--target", str(file), "--platform", "compose")
        assert refused.returncode == 75, refused.stderr
        assert "in use by run 1 of ann on laptop" in refused.stderr
        assert left(small.engine, project) == [f"/{agent.name_of(project)}"]
    finally:
        places.release(holder, ANNS.id)
        agent.dismiss(small.engine, project)


def test_a_run_that_fails_before_it_begins_leaves_no_agent(small: Tiny, command: Saleproof) -> None:
    """The preflight finds a toxic that is not ours: 75, and the agent that was started for this run is gone with it."""
    proxies = ToxiproxyClient(small.platform().proxy_api)
    proxies.add_toxic(LINK, ToxicSpec(name="theirs", type="latency", attributes={"latency": 1}))
    try:
        refused = command("run", small.experiment, "--target", small.target.path, "--platform", "compose")
        assert refused.returncode == 75, refused.stderr
        assert "left from before" in refused.stderr
        assert agent.find(small.engine, small.project) is None
    finally:
        proxies.remove_toxic(LINK, "theirs")


@pytest.fixture
def other(small: Tiny, tmp_path: Path) -> Saleproof:
    """A third machine, or another user of the second: they share the engine, and nothing else."""
    return small.command(tmp_path / "other")


def test_a_halt_of_the_target_stops_another_machine_s_run(small: Tiny, command: Saleproof, other: Saleproof) -> None:
    """Told to the engine, not to the machine that runs: that one reverts and ends with 130, saying by whom and why, and
    new runs are refused from everywhere until somebody resumes it. The machine that halted it is not halted itself."""
    on_it = ("--target", small.target.path, "--platform", "compose")
    run = run_with_its_fault_on(small, command)
    halted = other("halt", *on_it, "--reason", "the sale has begun")
    assert (small.toxics(), halted.returncode) == ([], 0), halted.stdout + halted.stderr
    assert "1 run ended" in halted.stdout
    out, err = run.communicate(timeout=60)
    assert run.returncode == 130, out + err
    assert f"on {platform.node()} since" in " ".join(out.split())
    newest = command.json("runs")[0]
    assert (newest["status"], newest["exit"]) == ("interrupted", 130)
    refused = command("run", small.experiment, *on_it)
    assert refused.returncode == 75, refused.stderr
    assert "the sale has begun" in refused.stderr
    assert "saleproof resume --target" in refused.stderr
    assert command("status", *on_it).stdout.startswith(f"HALTED: the project '{small.project}'")
    assert "the sale has begun" in command("doctor", *on_it).stdout
    assert not (other.state / "halt").exists()
    # That machine has run there, so a halt that names no target is told to it too; it takes back only its own.
    everything = command("halt")
    assert (everything.returncode, "already halted by" in everything.stdout) == (0, True), everything.stdout
    assert command("resume").returncode == 0
    assert other("resume", *on_it).returncode == 0
    assert command("halt", "--json").returncode == 0
    assert f"runs are allowed again: the project '{small.project}'" in command("resume").stdout
    assert command.json("status", *on_it)["halts"] == []


def test_an_operator_halts_a_target_by_hand(small: Tiny, command: Saleproof) -> None:
    """On the engine's machine, with Docker's own command: that the volume is there is what counts."""
    volumes = small.engine.client.volumes
    by_hand = volumes.create(f"saleproof-halt-{small.project}")
    try:
        refused = command("run", small.experiment, "--target", small.target.path, "--platform", "compose")
        assert refused.returncode == 75, refused.stderr
        assert "halted by somebody, by hand since 20" in refused.stderr
    finally:
        by_hand.remove()


@pytest.fixture
def users_own(small: Tiny, tmp_path: Path) -> str:
    """The target file of somebody whose project is not ours to take down: it names no Compose files."""
    lines = Path(small.target.path).read_text().splitlines()
    file = tmp_path / "own.yaml"
    file.write_text("\n".join(line for line in lines if "files:" not in line))
    return str(file)


def test_a_target_that_a_run_has_is_not_taken_down_from_elsewhere(
    small: Tiny, command: Saleproof, users_own: str
) -> None:
    """75 and whose it is, whether or not the project is ours: its agent goes on keeping its lease, and all runs."""
    holder = held_by_ann(small, small.project)
    theirs = agent.find(small.engine, small.project)
    try:
        for file in (small.target.path, users_own):
            refused = command("down", "--target", file, "--platform", "compose")
            assert refused.returncode == 75, refused.stderr
            assert "in use by run 1 of ann on laptop" in refused.stderr
        assert agent.find(small.engine, small.project) == theirs
        assert small.container("web").status == "running"
    finally:
        places.release(holder, ANNS.id)
        agent.dismiss(small.engine, small.project)


def test_down_leaves_the_agent_that_still_takes_back_what_a_dead_run_left(
    small: Tiny, command: Saleproof, users_own: str
) -> None:
    """Ann's runner and watchdog are dead, and her lease is over: the agent is the only one who knows. It was removed,
    and a paused container stayed so for good."""
    holder = held_by_ann(small, small.project)
    theirs = agent.find(small.engine, small.project)
    web = small.container("web")
    undo = Pause().prepare("web", small.platform())
    places.entrust(holder, msgspec.structs.replace(undo, lease=ANNS.id))
    web.pause()
    try:
        places.release(holder, ANNS.id)
        done = command("down", "--target", users_own, "--platform", "compose")
        assert done.returncode == 0, done.stderr
        assert "stays until it has taken back what a run left" in done.stderr
        assert agent.find(small.engine, small.project) == theirs
        until(lambda: small.container("web").status == "running", 20)
    finally:
        agent.remove(small.engine, small.project)
        if small.container("web").status == "paused":
            web.unpause()
