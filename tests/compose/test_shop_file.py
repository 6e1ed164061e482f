"""compose/shop.yaml: what it promises about every service, and that it says the same as targets/shop.yaml."""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from targets.shop import compose

ROOT = Path(__file__).parents[2]
FILE = ROOT / "compose" / "shop.yaml"
SHOP: dict[str, Any] = yaml.safe_load(FILE.read_text())
SERVICES: dict[str, dict[str, Any]] = SHOP["services"]
WEBS = [f"web-{number}" for number in range(1, 7)]

# What a service listens on, and so publishes.
PORTS = {**compose.PORTS, "toxiproxy": 8474}

every_service = pytest.mark.parametrize("name", SERVICES)


def role(name: str) -> str:
    return "web" if name.startswith("web-") else name


def test_the_services_are_those_of_the_target() -> None:
    """Every instance that the target file declares, and Toxiproxy."""
    declared = compose.target()["services"]
    expected = {instance for service in declared for instance in compose.instances(service, services=declared)}
    assert set(SERVICES) == expected | {"toxiproxy"}
    assert SHOP["name"] == "saleproof-shop"


def test_only_the_spare_slots_have_a_profile() -> None:
    """`up` starts the three instances that run; `--profile spare` the others."""
    count = compose.target()["services"]["web"]["count"]
    assert {name for name, service in SERVICES.items() if service.get("profiles") == ["spare"]} == set(WEBS[count:])
    assert all("profiles" not in service for name, service in SERVICES.items() if name not in WEBS[count:])


@every_service
def test_every_limit_can_be_restored(name: str) -> None:
    """The engine cannot restore "unlimited", so nothing is."""
    service = SERVICES[name]
    # A machine with one core refuses more.
    assert 0 < service["cpus"] <= 1
    assert re.fullmatch(r"\d+m", service["mem_limit"])
    assert service["memswap_limit"] == service["mem_limit"], "no swap: a full memory is felt at once"
    assert service["pids_limit"] > 0


@every_service
def test_every_service_is_checked_and_restarted(name: str) -> None:
    """A health check every 5 s, known to engines before 25, and the embedded platform's restart policy."""
    service = SERVICES[name]
    health = service["healthcheck"]
    assert health["test"][0] == "CMD"
    assert health["interval"] == "5s"
    assert set(health) == {"test", "interval", "timeout", "retries", "start_period"}
    assert service["restart"] == "on-failure"


@every_service
def test_ports_are_published_on_loopback_only(name: str) -> None:
    """One port each, a free one of the engine's choice; the edge's can be chosen."""
    host = "${SHOP_PORT:-}" if name == "edge" else ""
    assert SERVICES[name]["ports"] == [f"127.0.0.1:{host}:{PORTS[role(name)]}"]


@every_service
def test_no_service_can_harm_its_machine(name: str) -> None:
    """Not privileged, no capability, nothing of the host inside."""
    service = SERVICES[name]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    forbidden = ("privileged", "cap_add", "devices", "network_mode", "pid", "ipc", "userns_mode", "ulimits", "sysctls")
    assert not set(forbidden) & set(service)
    for volume in service.get("volumes", []):
        assert volume.split(":")[0] in SHOP["volumes"], "a named volume: a remote engine has none of our folders"


@every_service
def test_every_container_says_whose_it_is(name: str) -> None:
    """By its labels, with the variant that it runs as."""
    assert SERVICES[name]["labels"] == {
        "saleproof.target": "shop",
        "saleproof.variant": "${SHOP_VARIANT:-resilient}",
    }


def test_every_image_of_ours_is_built_once() -> None:
    """By one service that has it; for the others it is there already, and in no registry."""
    ours = {name: service for name, service in SERVICES.items() if service["image"].startswith("saleproof-shop/")}
    assert set(ours) == set(SERVICES) - {"cache"}
    builders = [service["image"] for service in ours.values() if "build" in service]
    assert sorted(builders) == sorted({service["image"] for service in ours.values()})
    assert all(service["pull_policy"] == "never" for service in ours.values() if "build" not in service)
    assert "profiles" not in SERVICES["web-1"], "a builder is always started"


@pytest.mark.parametrize("name", [name for name, service in SERVICES.items() if "build" in service or name == "cache"])
def test_every_image_is_pinned_and_can_be_replaced(name: str) -> None:
    """By a tag with a full version, and by a variable that compose/README.md explains."""
    service = SERVICES[name]
    base = service["build"]["args"]["BASE"] if "build" in service else service["image"]
    found = re.fullmatch(r"\$\{(SHOP_[A-Z]+_IMAGE):-[^:]+:v?\d+\.\d+[.\d]*[a-z-]*\}", base)
    assert found, base
    assert f"`{found[1]}`" in (ROOT / "compose" / "README.md").read_text()


def test_every_variable_is_explained() -> None:
    """In compose/README.md."""
    readme = (ROOT / "compose" / "README.md").read_text()
    for variable in set(re.findall(r"\$\{(\w+)", FILE.read_text())):
        assert f"`{variable}`" in readme, variable


def test_there_are_no_secrets() -> None:
    """Nobody in the shop has a password."""
    assert not re.search(r"(?i)passw|secret|token|api.?key", FILE.read_text())


@pytest.mark.parametrize("name", WEBS)
def test_a_web_instance_dials_its_own_proxies(name: str) -> None:
    """The hand-written addresses are those of the generated proxies."""

    def through(server: str) -> str:
        return f"toxiproxy:{compose.proxies()[f'{name} -> {server}'][0]}"

    assert SERVICES[name]["environment"] == {
        "INSTANCE": name,
        "SHOP_VARIANT": "${SHOP_VARIANT:-resilient}",
        "DB_HOSTS": f"{through('db')},{through('replica')}",
        "CACHE": through("cache"),
        "PAYMENTS": through("payments"),
    }


def test_the_replica_follows_through_its_proxy() -> None:
    port, _ = compose.proxies()["replica -> db"]
    assert SERVICES["replica"]["command"] == ["replica", f"toxiproxy:{port}"]


def test_postgresql_is_stopped_with_a_fast_shutdown() -> None:
    """SIGTERM would wait for every client to leave first."""
    assert {SERVICES[name]["stop_signal"] for name in ("db", "replica")} == {"SIGINT"}


def test_the_cache_has_a_small_disk_that_can_be_filled() -> None:
    """A full disk is an outage there, as a failed dump stops writes; the shop alone cannot fill it."""
    cache = SERVICES["cache"]
    assert cache["tmpfs"] == ["/data:size=64m,mode=755,uid=999,gid=999"]
    assert cache["user"] == "999:999"
    options = dict(option.removeprefix("--").split(" ", 1) for option in cache["command"])
    assert options["dir"] == "/data"
    assert options["save"]
    assert options["stop-writes-on-bgsave-error"] == "yes"
    # A dump is written beside the one before it, and is no larger than what it keeps.
    assert 2 * int(options["maxmemory"].removesuffix("mb")) < 64


def test_dockerfiles_build_on_engines_of_every_age() -> None:
    """No `# syntax=` line, which pulls an image, and nothing that only BuildKit knows."""
    files = list((ROOT / "compose").rglob("Dockerfile"))
    assert len(files) == 4
    for path in files:
        text = path.read_text()
        assert not re.search(r"(?m)^#\s*syntax\s*=|--mount|<<", text), path
        assert "ARG BASE\nFROM ${BASE}\n" in text


def test_the_image_has_what_the_shop_imports() -> None:
    """Every third-party module that the web instances and the provider import is in compose/web/requirements.txt."""
    lines = (ROOT / "compose" / "web" / "requirements.txt").read_text().splitlines()
    required = {re.sub(r"\[.*", "", line).replace("-", "_") for line in lines if line and not line.startswith("#")}
    imported: set[str] = set()
    # These run on this machine, or launch what has an image of its own in containers.
    elsewhere = {"compose", "envoy", "invariants", "local", "postgres", "valkey"}
    for path in (ROOT / "targets" / "shop").glob("*.py"):
        if path.stem in elsewhere:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                imported |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                imported.add((node.module or "").split(".")[0])
    third_party = imported - set(sys.stdlib_module_names) - {"targets"}
    # uvicorn loads these two by name.
    assert third_party | {"httptools", "uvloop"} == required
