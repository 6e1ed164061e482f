"""`dns`."""

from __future__ import annotations

import time

import pytest
from docker_project import PORT, Project

from chaos import faults
from chaos.agent.lookup import question, servers_in
from chaos.faults.dns import Dns
from chaos.faults.shared.container import Contained
from chaos.model.platform import Instance

LOOK = "import socket; socket.getaddrinfo('web', 80)"


def test_servers_are_read_as_resolv_conf_has_them() -> None:
    """Comments, options and addresses with a scope are left out."""
    text = "# made\nnameserver 127.0.0.11\nsearch x\noptions ndots:0\nnameserver fe80::1%eth0\nnameserver 10.0.0.2\n"
    assert servers_in(text) == ["127.0.0.11", "10.0.0.2"]


def test_a_question_is_as_the_rfc_has_it() -> None:
    """RFC 1035: an identifier, one question, recursion wanted; labels with their lengths; A, IN."""
    assert question(1, "db.shop").hex() == "000101000001000000000000" + "02646204" + b"shop".hex() + "00" + "00010001"


def test_servers_on_loopback_are_cut_off_by_their_port_alone() -> None:
    """Other things may live at 127.0.0.1; at Docker's own address nothing but its name server does."""
    before = {"servers": ["127.0.0.11", "127.0.0.53"]}
    instance = Instance(name="web", service="web", state="running")
    rules = Dns().chains(Contained(control={}, before=instance, mark="saleproof_0", facts={"before": before}))["in"]
    assert rules == [
        'iifname "lo" ip daddr 127.0.0.11 counter drop',
        'iifname "lo" ip daddr 127.0.0.53 meta l4proto { tcp, udp } th dport 53 counter drop',
        'iifname != "lo" meta l4proto { tcp, udp } th sport 53 counter drop',
    ]


@pytest.mark.docker
@pytest.mark.integration
def test_its_own_resolver_waits_in_vain(containers: Project) -> None:
    """The C library inside the container gets no answer, waits for it, and open addresses still work."""
    platform = containers.platform()
    db = containers.container_name("db")
    web = containers.inspect("web")["NetworkSettings"]["Networks"][containers.network]["IPAddress"]
    fault = Dns()
    undo = fault.prepare("db", platform)
    assert containers.exec(db, ["python3", "-c", LOOK])[0] == 0
    try:
        fault.inject(undo, platform)
        began_s = time.monotonic()
        # `timeout` exits with 124: lost, not refused.
        assert containers.exec(db, ["timeout", "1.5", "python3", "-c", LOOK])[0] == 124
        assert time.monotonic() - began_s >= 1.5
        ask = f"import urllib.request as u; u.urlopen('http://{web}:{PORT}/', timeout=2).read()"
        assert containers.exec(db, ["python3", "-c", ask])[0] == 0
    finally:
        faults.revert(undo)
    assert containers.exec(db, ["python3", "-c", LOOK])[0] == 0
