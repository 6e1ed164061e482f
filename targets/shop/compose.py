"""The shop's files for Docker Compose, made from what runs on loopback: `python -m targets.shop.compose [--write]`.

Prints what is out of date and exits with 1, or writes it. There is one source of truth for Envoy's and
PostgreSQL's settings and for the links; compose/shop.yaml is written by hand, and a test compares it with the same.
"""

from __future__ import annotations

import argparse
import json
import sys
from itertools import product
from pathlib import Path
from typing import Any

import yaml

from targets.shop import envoy, postgres

ROOT = Path(__file__).parents[2]
TARGET = ROOT / "targets" / "shop.yaml"

# Where a service listens inside of its container.
PORTS = {"db": 5432, "replica": 5432, "cache": 6379, "payments": 8000, "web": 8000, "edge": 8080}
# The m-th proxy of the n-th link (from 0) listens on 21000 + 10 n + m: `web-2 -> db`, of the second link, on 21012.
FIRST_PORT = 21000
PORTS_A_LINK = 10

# PostgreSQL's, beyond those that it has on loopback. `io_method` came with version 18; any older one refuses it.
POSTGRES = {"listen_addresses": "*", "port": "5432"}
POSTGRES_NOT = {"io_method"}

# `samenet` is the compose project's own network, and what the engine lets in from this machine's loopback.
ACCESS = """\
# TYPE DATABASE    USER      ADDRESS      METHOD
host shop,postgres postgres  127.0.0.1/32 trust
host shop          shop      samenet      trust
host shop          shop_ro   samenet      trust
host shop          shop_ro   127.0.0.1/32 trust
host replication   shop_repl samenet      trust
"""


def target() -> dict[str, Any]:
    """The shop's target file, as YAML says it."""
    loaded: dict[str, Any] = yaml.safe_load(TARGET.read_text("utf-8"))
    return loaded


def instances(service: str, *, services: dict[str, Any]) -> list[str]:
    """The names of a service's instances, spare ones included: `web` is web-1 to web-6, `db` is db."""
    slots = services[service].get("slots", services[service].get("count", 1))
    return [service] if slots == 1 else [f"{service}-{number}" for number in range(1, slots + 1)]


def proxies() -> dict[str, tuple[int, str]]:
    """Every fault proxy, one for each client instance and link: `web-1 -> db` to its port and its upstream.

    A server with many instances has a proxy for each of them: `edge -> web-1`.
    """
    loaded = target()
    services = loaded["services"]
    found: dict[str, tuple[int, str]] = {}
    for place, link in enumerate(loaded["links"]):
        client, server = link.split(" -> ")
        pairs = list(product(instances(client, services=services), instances(server, services=services)))
        if len(pairs) >= PORTS_A_LINK:
            raise SystemExit(f"the link {link} has {len(pairs)} proxies; there are ports for {PORTS_A_LINK - 1}")
        for number, (one, other) in enumerate(pairs, start=1):
            port = FIRST_PORT + PORTS_A_LINK * place + number
            found[f"{one} -> {other}"] = (port, f"{other}:{PORTS[server]}")
    return found


def toxiproxy() -> str:
    """Toxiproxy's configuration."""
    entries = [
        {"name": name, "listen": f"0.0.0.0:{port}", "upstream": upstream, "enabled": True}
        for name, (port, upstream) in proxies().items()
    ]
    # One proxy a line, so that a change is a line.
    return "[\n" + ",\n".join(f"  {json.dumps(entry)}" for entry in entries) + "\n]\n"


def edge(*, health: bool) -> str:
    """Envoy's configuration, with or without edge health."""
    backends = [f"toxiproxy:{port}" for name, (port, _) in proxies().items() if name.startswith("edge -> ")]
    content = envoy.config(
        host="0.0.0.0",  # noqa: S104 - inside of its container
        port=PORTS["edge"],
        admin_port=9901,
        backends=backends,
        expected=target()["services"]["web"]["count"],
        health=health,
    )
    return json.dumps(content, indent=1) + "\n"


def postgresql_conf() -> str:
    """PostgreSQL's settings, for the primary and the replica."""
    settings = {name: value for name, value in postgres.SETTINGS.items() if name not in POSTGRES_NOT} | POSTGRES
    made_by = "# Made by `python -m targets.shop.compose --write`. Change targets/shop/postgres.py, not this file.\n"
    return made_by + "".join(f"{name} = '{value}'\n" for name, value in settings.items())


def files() -> dict[Path, str]:
    """Every generated file and its content."""
    folder = ROOT / "compose"
    return {
        folder / "toxiproxy" / "proxies.json": toxiproxy(),
        folder / "edge" / "resilient.json": edge(health=True),
        folder / "edge" / "fragile.json": edge(health=False),
        folder / "postgres" / "postgresql.conf": postgresql_conf(),
        folder / "postgres" / "pg_hba.conf": ACCESS,
        folder / "postgres" / "roles.sql": postgres.ROLES.replace(";\n", ";\n\n"),
    }


def out_of_date() -> list[Path]:
    """The generated files that are not what they should be."""
    return [path for path, text in files().items() if not path.is_file() or path.read_text("utf-8") != text]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m targets.shop.compose", description=__doc__)
    parser.add_argument("--write", action="store_true", help="write the files")
    args = parser.parse_args()
    stale = out_of_date()
    for path in stale:
        if args.write:
            path.write_text(files()[path], "utf-8")
        print(f"{path.relative_to(ROOT)}: {'written' if args.write else 'out of date'}")  # noqa: T201
    sys.exit(1 if stale and not args.write else 0)


if __name__ == "__main__":
    main()
