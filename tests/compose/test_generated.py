"""What targets/shop/compose.py makes: one proxy a client instance and link, and files that are up to date."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from targets.shop import compose, envoy

ROOT = Path(__file__).parents[2]


def test_the_generated_files_are_up_to_date() -> None:
    """A change of the links, of Envoy's or of PostgreSQL's settings reaches the containers."""
    assert compose.out_of_date() == [], "run: python -m targets.shop.compose --write"


def test_the_command_names_what_is_out_of_date(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The check fails for a changed file, and --write mends it."""
    stale = tmp_path / "proxies.json"
    monkeypatch.setattr(compose, "ROOT", tmp_path)
    monkeypatch.setattr(compose, "files", lambda: {stale: "[]\n"})
    monkeypatch.setattr(sys, "argv", ["compose"])
    with pytest.raises(SystemExit, match="1"):
        compose.main()
    monkeypatch.setattr(sys, "argv", ["compose", "--write"])
    with pytest.raises(SystemExit, match="0"):
        compose.main()
    assert stale.read_text() == "[]\n"
    assert compose.out_of_date() == []


def test_there_is_one_proxy_for_each_client_instance_and_link() -> None:
    """Six web slots with four links each, six backends of the edge, and the replica's own."""
    expected = {f"edge -> web-{number}" for number in range(1, 7)} | {"replica -> db"}
    for server in ("db", "replica", "cache", "payments"):
        expected |= {f"web-{number} -> {server}" for number in range(1, 7)}
    proxies = compose.proxies()
    assert set(proxies) == expected
    assert len({port for port, _ in proxies.values()}) == len(proxies)
    assert proxies["web-2 -> db"] == (21012, "db:5432")
    assert proxies["edge -> web-6"] == (21006, "web-6:8000")
    assert proxies["replica -> db"] == (21051, "db:5432")


def test_toxiproxy_is_told_the_same() -> None:
    """Its file has every proxy, enabled, on every address of its container."""
    told = json.loads(compose.toxiproxy())
    assert {entry["name"]: (entry["listen"], entry["upstream"]) for entry in told} == {
        name: (f"0.0.0.0:{port}", upstream) for name, (port, upstream) in compose.proxies().items()
    }
    assert all(entry["enabled"] for entry in told)


def test_too_many_instances_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ports never run from one link into the next."""
    loaded = compose.target()
    loaded["services"]["web"]["slots"] = 10
    monkeypatch.setattr(compose, "target", lambda: loaded)
    with pytest.raises(SystemExit, match="edge -> web has 10 proxies; there are ports for 9"):
        compose.proxies()


def test_the_edge_of_a_fragile_shop_differs() -> None:
    """Resilient: six checked backends. Fragile: the three that run, unchecked."""
    (resilient,) = json.loads(compose.edge(health=True))["static_resources"]["clusters"]
    (fragile,) = json.loads(compose.edge(health=False))["static_resources"]["clusters"]
    assert len(resilient["load_assignment"]["endpoints"][0]["lb_endpoints"]) == 6
    assert len(fragile["load_assignment"]["endpoints"][0]["lb_endpoints"]) == 3
    assert "health_checks" in resilient
    assert "health_checks" not in fragile


@pytest.mark.parametrize(
    ("backends", "looked_up"), [(["127.0.0.1:80", "[::1]:80"], False), (["127.0.0.1:80", "toxiproxy:80"], True)]
)
def test_envoy_looks_names_up_and_takes_addresses_as_they_are(backends: list[str], looked_up: bool) -> None:
    """On loopback nothing asks a name server."""
    cluster = envoy.cluster(backends, health=True)
    assert ("cluster_type" in cluster) is looked_up
    assert (cluster.get("type") == "STATIC") is not looked_up


@pytest.mark.integration
@pytest.mark.parametrize("variant", ["resilient", "fragile"])
def test_envoy_accepts_its_configuration(variant: str) -> None:
    """The real Envoy validates both files."""
    path = ROOT / "compose" / "edge" / f"{variant}.json"
    done = subprocess.run(
        [envoy.binary(), "--mode", "validate", "--config-path", path], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_postgresql_17_knows_every_setting() -> None:
    """What only newer versions have is left out; everything else is what the embedded shop runs with."""
    lines = [line for line in compose.postgresql_conf().splitlines() if not line.startswith("#")]
    settings = dict(line.split(" = ") for line in lines)
    assert "io_method" not in settings
    assert settings["listen_addresses"] == "'*'"
    assert settings["wal_keep_size"] == "'256MB'"
