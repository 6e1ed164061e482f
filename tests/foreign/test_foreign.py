"""A project that nobody here wrote: described, given fault proxies, disturbed, and left exactly as it was."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from conftest import Ground
from project import SECRETS, Customers, saleproof, status

from chaos.agent.redirect import FORGOTTEN_S
from chaos.engine.lock import TargetLock
from chaos.errors import Unavailable
from chaos.platforms import reach
from chaos.platforms.compose import agent, sidecar
from chaos.platforms.compose.notes import ATTACHED
from chaos.platforms.compose.platform import ComposePlatform
from chaos.proxy.client import ToxiproxyClient
from chaos.proxy.values import ToxicSpec
from chaos.spec.target import load_target
from chaos.state import state_dir

pytestmark = [pytest.mark.docker, pytest.mark.integration, pytest.mark.timeout(400)]

# A busy machine, and the request that is under way.
SLACK_S = 2.0
SLOW_S = 0.4
EXPERIMENT = """\
title: Voting survives a slow redis
target: {target}
why: Redis gets slow when many vote.
load: normal
hypothesis:
  - availability >= 90%
method:
  - latency: {{link: vote -> redis, delay: 200ms, for: 10s}}
recovery: 1s
windows: {{warm-up: 1s, before: 10s, after: 10s}}
"""


def slow_down(ground: Ground) -> None:
    """A toxic on `vote -> redis`, so that a request that goes through the proxy can be told from one that does not."""
    platform = ComposePlatform.attach(load_target(ground.target))
    assert platform is not None
    proxy = platform.inventory().proxies["vote -> redis"]
    api = ToxiproxyClient(reach.api("", proxy.reach), timeout_s=10)
    api.add_toxic("vote -> redis", ToxicSpec(name="slow", type="latency", attributes={"latency": round(SLOW_S * 1000)}))
    agent.dismiss(platform.engine, platform.project)


def is_direct_within(customers: Customers, at_s: float, within_s: float) -> None:
    """Traffic flows, past the proxy, from then on."""
    until_s = at_s + within_s
    time.sleep(max(0.0, until_s - time.monotonic()) + 3)
    later = customers.since(until_s)
    assert len(later) >= 5
    assert all(one.status == 200 for one in later), later
    assert all(one.took_s < SLOW_S for one in later), later


def test_init_writes_a_target_file_that_holds(ground: Ground) -> None:
    """Services, links by connection and by setting, the endpoint outside, health checks; and no secret."""
    target = load_target(ground.target)
    assert set(target.services) == {"vote", "result", "worker", "redis", "db", "tally-example"}
    assert target.services["tally-example"].external == "tally.example:9000"
    assert {name: link.protocol for name, link in target.links.items()} == {
        "vote -> redis": "redis",
        "vote -> tally-example": "http",
        "worker -> redis": "redis",
        "worker -> db": "postgres",
        "result -> db": "postgres",
    }
    assert target.traffic is not None
    assert target.traffic.entry == "vote"
    assert target.slis["vote-health"].path == "/healthz"
    assert target.platforms.compose is not None
    assert target.platforms.compose.services["db"].port == 5432
    text = ground.target.read_text()
    assert not [secret for secret in SECRETS if secret in text]
    assert "1 connection; the setting DB_HOST" in text
    worker = text.split("  worker:")[1].split("  tally")[0]
    assert "no memory" not in worker, "the worker has a limit"
    assert "no memory" in text.split("  worker:")[0]


def test_init_never_overwrites(ground: Ground) -> None:
    before = ground.target.read_text()
    said = saleproof("init", "--compose", ground.voting.name, "--output", str(ground.target), code=75)
    assert "--force" in said
    assert ground.target.read_text() == before


def test_everything_is_as_it_was(ground: Ground, tmp_path: Path) -> None:
    """After init, attach, a run with a latency fault, and detach: containers, networks and packet rules, to the letter;
    and the decoy the whole time."""
    before, decoy = ground.voting.snapshot(ground.reader), ground.decoy.snapshot(ground.reader)
    experiment = tmp_path / "slow-redis.yaml"
    experiment.write_text(EXPERIMENT.format(target=ground.voting.name))
    at = ("--target", str(ground.target))
    saleproof("init", "--compose", ground.voting.name, "--output", str(tmp_path / "again.yaml"))
    faster = ground.target.read_text().replace("rate: 5/s", "rate: 15/s")
    ground.target.write_text(faster)
    saleproof("attach", "vote -> redis", "worker -> db", *at)
    try:
        assert "table ip saleproof" in ground.voting.rules(ground.reader, ground.voting.inspect("vote")["State"]["Pid"])
        # Whether the app holds is a matter of how busy this machine is; that the fault bit and is gone is not.
        said = saleproof("run", str(experiment), *at, or_codes=(1, 2))
        assert "✓ latency  vote -> redis  confirmed" in said
        assert "reverted after" in said
        assert ground.decoy.snapshot(ground.reader) == decoy
    finally:
        saleproof("detach", *at)
    assert saleproof("detach", *at).strip() == "nothing was attached"
    after = ground.voting.snapshot(ground.reader)
    assert after["rules"] == before["rules"]
    assert after["networks"] == before["networks"]
    assert after["containers"] == before["containers"]
    assert ground.decoy.snapshot(ground.reader) == decoy
    assert sidecar.sidecars(ground.voting.engine, ground.voting.name) == ()
    assert ATTACHED.all() == ()


def test_connections_from_before_are_counted_and_recycled(ground: Ground) -> None:
    """The one that the page holds since it was started bypasses the proxy; it is reset, and no other."""
    at = ("--target", str(ground.target))
    ground.voting.ask("/held")
    try:
        assert "1 open connections bypass" in saleproof("attach", "vote -> redis", *at)
        slow_down(ground)
        assert ground.voting.ask("/held").took_s < SLOW_S
        assert "1 reset" in saleproof("attach", "vote -> redis", "--recycle", *at)
        held = ground.voting.ask("/held")  # its client dials anew
        assert held.status == 200
        assert held.took_s >= SLOW_S
    finally:
        saleproof("detach", *at)


KILLS = {
    "the proxy is killed": "kill -9 $(grep -l chaos.proxy.serve[r] /proc/[0-9]*/cmdline | cut -d/ -f3)",
    "the proxy hangs": "kill -STOP $(grep -l chaos.proxy.serve[r] /proc/[0-9]*/cmdline | cut -d/ -f3)",
    "the sidecar is killed": "",
}


@pytest.mark.parametrize("how", KILLS)
def test_traffic_flows_again_by_itself(attached: Ground, how: str) -> None:
    """Within the time after which the kernel forgets, whoever died."""
    voting = attached.voting
    slow_down(attached)
    with Customers(voting) as customers:
        time.sleep(3)
        slow = [one for one in customers.answers if one.took_s >= SLOW_S]
        assert len(slow) >= 3, "the requests did not go through the proxy"
        one = voting.sidecar("vote")
        killed_s = time.monotonic()
        if KILLS[how]:
            code, _, err = sidecar.execute(voting.engine, one.id, ["sh", "-c", KILLS[how]])
            assert code in (0, 1, 137), err  # with its proxy the sidecar ends too, and this with it
        else:
            voting.engine.client.api.kill(one.id, signal="SIGKILL")
        is_direct_within(customers, killed_s, FORGOTTEN_S + SLACK_S)
    found = status(attached.target)
    if how != "the proxy hangs":
        assert "vote -> redis" in found["bare_links"]


def test_a_restarted_caller_is_not_attached_any_more(attached: Ground) -> None:
    """No error, traffic flows; attaching again works."""
    voting = attached.voting
    voting.engine.client.api.restart(voting.container("vote"), timeout=1)
    voting.compose("up", "--detach", "--wait", "--no-recreate")
    assert voting.ask().status == 200
    assert "vote -> redis" in status(attached.target)["bare_links"]
    saleproof("attach", "vote->redis", "--target", str(attached.target))
    assert "vote -> redis" not in status(attached.target)["bare_links"]
    slow_down(attached)
    assert voting.ask().took_s >= SLOW_S


def test_a_server_with_a_new_address_is_followed(attached: Ground) -> None:
    """The redirect goes by the name."""
    voting = attached.voting
    network = f"{voting.name}_back"
    api = voting.engine.client.api
    before = voting.inspect("redis")["NetworkSettings"]["Networks"][network]["IPAddress"]
    aliases = ["redis", voting.inspect("redis")["Id"][:12]]
    image = voting.inspect("redis")["Config"]["Image"]
    api.disconnect_container_from_network(voting.container("redis"), network)
    # The free address is given to the next one who comes.
    squatter = api.create_container(
        image, ["sleep", "600"], name=f"{voting.name}-squatter",
        host_config=api.create_host_config(network_mode=network, init=True),
    )  # fmt: skip
    api.start(squatter["Id"])
    api.connect_container_to_network(voting.container("redis"), network, aliases=aliases)
    assert voting.inspect("redis")["NetworkSettings"]["Networks"][network]["IPAddress"] != before
    try:
        slow_down(attached)
        until_s = time.monotonic() + 10
        while (answer := voting.ask()).status != 200 or answer.took_s < SLOW_S:
            assert time.monotonic() < until_s, answer
            time.sleep(0.2)
    finally:
        api.remove_container(squatter["Id"], force=True)
        voting.compose("up", "--detach", "--wait", "--force-recreate", "redis")


def test_an_endpoint_outside_the_project(ground: Ground) -> None:
    """Only its link can be disturbed, and is, for this caller alone."""
    at = ("--target", str(ground.target))
    assert ground.voting.ask("/tally").status == 200
    saleproof("attach", "vote -> tally-example", *at)
    try:
        platform = ComposePlatform.attach(load_target(ground.target))
        assert platform is not None
        proxy = platform.inventory().proxies["vote -> tally-example"]
        ToxiproxyClient(reach.api("", proxy.reach), timeout_s=10).set_enabled("vote -> tally-example", False)
        agent.dismiss(platform.engine, platform.project)
        assert ground.voting.ask("/tally").status == 503
        assert ground.voting.ask("/").status == 200
    finally:
        saleproof("detach", *at)
    assert ground.voting.ask("/tally").status == 200


def test_one_of_two_links_is_detached(ground: Ground) -> None:
    """The other one stays."""
    at = ("--target", str(ground.target))
    saleproof("attach", "worker -> redis", "worker -> db", *at)
    try:
        saleproof("detach", "worker -> db", *at)
        bare = status(ground.target)["bare_links"]
        assert "worker -> db" in bare
        assert "worker -> redis" not in bare
    finally:
        saleproof("detach", *at)


def test_a_network_that_others_share_is_refused(ground: Ground) -> None:
    """With what to write into the compose file instead."""
    api = ground.voting.engine.client.api
    guest = f"{ground.voting.name}-guest"
    image = ground.voting.inspect("vote")["Config"]["Image"]
    network = f"container:{ground.voting.inspect('vote')['Id']}"
    made = api.create_container(
        image, ["sleep", "600"], name=guest, host_config=api.create_host_config(network_mode=network, init=True)
    )
    api.start(made["Id"])
    try:
        said = saleproof("attach", "vote -> redis", "--target", str(ground.target), code=75)
        assert guest in said
        assert "toxiproxy:6379" in said
    finally:
        api.remove_container(made["Id"], force=True)
    assert sidecar.sidecars(ground.voting.engine, ground.voting.name) == ()


def test_an_engine_that_allows_no_packet_rules(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is said, with what to do instead, and nothing is left."""
    monkeypatch.setattr(sidecar, "CAPABILITIES", ("SETUID", "SETGID", "KILL"))
    platform = ComposePlatform.attach(load_target(ground.target))
    assert platform is not None
    before = ground.voting.snapshot(ground.reader)
    try:
        with pytest.raises(Unavailable, match=r"not permitted(.|\n)*toxiproxy:6379"):
            platform.attachments.attach(["vote -> redis"])
    finally:
        platform.attachments.detach()
        agent.dismiss(platform.engine, platform.project)
    assert ground.voting.snapshot(ground.reader) == before
    assert sidecar.sidecars(ground.voting.engine, ground.voting.name) == ()


def test_while_a_run_uses_the_target_nothing_is_attached(ground: Ground) -> None:
    with TargetLock(state_dir() / "locks", ground.voting.name, "run 20260101-000000-aaaa"):
        for verb in (("attach", "vote -> redis"), ("detach",)):
            said = saleproof(*verb, "--target", str(ground.target), code=75)
            assert "in use by run 20260101-000000-aaaa" in said


def test_down_takes_only_what_is_ours(attached: Ground) -> None:
    """The project is somebody else's and goes on."""
    saleproof("down", "--target", str(attached.target))
    assert attached.voting.ask().status == 200
    assert sidecar.sidecars(attached.voting.engine, attached.voting.name) == ()


def test_a_project_taken_down_leaves_nothing_of_ours(ground: Ground, tmp_path: Path) -> None:
    """The sidecar sees that its caller's network is gone, and goes too; recover forgets it."""
    decoy, target = ground.decoy, tmp_path / "decoy.yaml"
    saleproof("init", "--compose", decoy.name, "--output", str(target))
    saleproof("attach", "vote -> redis", "--target", str(target))
    try:
        decoy.compose("down", "--timeout", "1")
        until_s = time.monotonic() + 15
        while sidecar.sidecars(decoy.engine, decoy.name):
            assert time.monotonic() < until_s, "the sidecar outlives its caller"
            time.sleep(0.2)
        assert len(ATTACHED.all()) == 1
        saleproof("recover")
        assert ATTACHED.all() == ()
    finally:
        decoy.up()
