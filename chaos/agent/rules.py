"""`rules`: packet rules in a container's own network, each fault's in a table of its own.

A table is put and removed as a whole, in one transaction of the kernel's: no fault can remove another's rules, and half
of a fault is never there.
"""

from __future__ import annotations

import json
import subprocess
from typing import Literal

from chaos.agent.inside import enter_network
from chaos.errors import Unavailable

# Before everything else that looks at packets: connection tracking, Docker's own translation of its DNS port.
HOOKS = {"in": "prerouting", "out": "output"}
PRIORITY = "raw"
WITHIN_S = 10.0


def run(
    *, pid: int, container: str, action: Literal["put", "there", "remove"], table: str,
    chains: dict[str, list[str]] | None = None,
) -> bool:  # fmt: skip
    """Is the table there now? `chains` has the rules of `in` and `out`. Raises: Unavailable."""
    enter_network(pid, container)
    if action == "put":
        _nft("-f", "-", text=text(table, chains or {}))
    elif action == "remove" and _is_there(table):
        _nft("delete", "table", "inet", table)
    return _is_there(table)


def text(table: str, chains: dict[str, list[str]]) -> str:
    """As `nft -f` reads it."""
    lines = [f"table inet {table} {{"]
    for name, rules in chains.items():
        lines += [f"  chain {name} {{", f"    type filter hook {HOOKS[name]} priority {PRIORITY}; policy accept;"]
        lines += [f"    {rule}" for rule in rules]
        lines.append("  }")
    return "\n".join([*lines, "}", ""])


def _is_there(table: str) -> bool:
    found = json.loads(_nft("-j", "list", "tables"))["nftables"]
    return any(one.get("table", {}).get("name") == table for one in found)


def _nft(*words: str, text: str | None = None) -> str:
    done = subprocess.run(["nft", *words], input=text, capture_output=True, text=True, timeout=WITHIN_S, check=False)
    if done.returncode:
        raise Unavailable(f"nft: {(done.stderr.strip() or 'it failed').splitlines()[0]}")
    return done.stdout
