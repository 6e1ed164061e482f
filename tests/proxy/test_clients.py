"""Public Toxiproxy clients, unchanged, with ours: each says the same of our server as it says of Shopify's.

Each program in clients/ checks what it gets by itself, too: attributes, refusals, and the time of an echo. What they
need is fetched by `ci/proxy-clients`, never by a test.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.proxy.answers import without_proxies
from tests.proxy.conftest import revive

pytestmark = pytest.mark.integration

Make = Callable[..., Any]
SOURCES = Path(__file__).parent / "clients"
FETCHED = Path(__file__).resolve().parents[2] / ".bin" / "clients"

# The command, and what of it has to be fetched.
CLIENTS: dict[str, tuple[list[str], Path | None]] = {
    "toxiproxy-python": ([sys.executable, str(SOURCES / "client.py")], None),
    "toxiproxy-cli": ([str(SOURCES / "cli.sh"), str(FETCHED / "bin/cli")], FETCHED / "bin/cli"),
    "toxiproxy-go": ([str(FETCHED / "bin/go-client")], FETCHED / "bin/go-client"),
    "toxiproxy-node-client": (
        ["node", str(SOURCES / "node/client.js")],
        FETCHED / "node/node_modules/toxiproxy-node-client",
    ),
    "toxiproxy-java": (
        ["java", "-XX:TieredStopAtLevel=1", "-cp", str(FETCHED / "java/*"), str(SOURCES / "java/Client.java")],
        FETCHED / "java/toxiproxy-java-2.1.7.jar",
    ),
}


def transcript(command: list[str], server: Any, upstream: str) -> str:
    """What the program says, with the ports and the colours left out. It must succeed."""
    done = subprocess.run(
        [*command, server.address, upstream],
        env={**os.environ, "NODE_PATH": str(FETCHED / "node/node_modules")},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, f"{server.kind}: {done.stdout[-2000:]}\n{done.stderr[-2000:]}"
    # A table is as wide as its longest address.
    return re.sub(r"127\.0\.0\.1:\d+|\x1b\[[0-9;]*m|[\t =]+(?=[\t =])", "", done.stdout)


@pytest.mark.parametrize("name", CLIENTS)
def test_a_public_client_sees_no_difference(
    ours: Any, shopify: Any, upstream: Make, name: str, tmp_path: Path
) -> None:  # fmt: skip
    """Create, list, every toxic in both directions, update, disable, enable, reset, delete, and each refusal."""
    command, needed = CLIENTS[name]
    if needed is not None and not needed.exists():
        reason = f"{name} is not there: `ci/proxy-clients` fetches it"
        if os.environ.get("SALEPROOF_REQUIRE_TOXIPROXY") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    for server in (ours, shopify):
        # They list all that there is.
        for left in server.client.proxies():
            server.client.delete(left)
    target = upstream("echo").address
    with without_proxies(ours, shopify):
        mine = transcript(command, ours, target)
        assert len(mine.splitlines()) >= 20
        try:
            theirs = transcript(command, shopify, target)
        except AssertionError:
            if not revive(shopify, tmp_path):
                raise
            theirs = transcript(command, shopify, target)
        assert mine == theirs
