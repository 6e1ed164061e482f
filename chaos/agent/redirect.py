"""The redirect of an attached link: a table of our own in the caller's network, whose entries forget themselves.

An entry says: what goes to this address and port goes to that fault proxy instead. It has a short time limit in the
kernel, which the sidecar renews while its proxy answers. So when proxy or sidecar die, however they die, or hang,
traffic goes its own way again.
"""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from ipaddress import IPv4Address

from chaos.errors import Unavailable

FAMILY = "ip"  # a proxy listens at one loopback address, so a link's IPv6 addresses are not redirected
TABLE = "saleproof"
MAP = "links"
# Longer than a busy machine keeps the sidecar from renewing, shorter than anybody's patience.
FORGOTTEN_S = 3
WITHIN_S = 10.0

Address = tuple[str, int]  # IPv4 address and TCP port


def install(uid: int) -> None:
    """The table without entries, in the network that this process is in; one that a dead sidecar left is replaced.
    What `uid` dials, the proxy's own user, is never redirected. Raises: Unavailable."""
    _nft(
        f"""\
add table {FAMILY} {TABLE}
delete table {FAMILY} {TABLE}
table {FAMILY} {TABLE} {{
  map {MAP} {{ type ipv4_addr . inet_service : inet_service; flags timeout; }}
  chain out {{
    type nat hook output priority -100; policy accept;
    meta l4proto tcp meta skuid != {uid} redirect to :ip daddr . tcp dport map @{MAP}
  }}
}}
"""
    )


def renew(entries: Mapping[Address, int]) -> None:
    """Exactly these entries from now on, for so long as they are renewed: address -> port of the proxy on loopback.

    At once for whoever looks. Older kernels cannot renew an entry's time, so all are made anew.
    Raises: Unavailable.
    """
    lines = [f"flush map {FAMILY} {TABLE} {MAP}"]
    if entries:
        made = ", ".join(
            f"{IPv4Address(address)} . {port} timeout {FORGOTTEN_S}s : {proxy}"
            for (address, port), proxy in sorted(entries.items())
        )
        lines.append(f"add element {FAMILY} {TABLE} {MAP} {{ {made} }}")
    _nft("\n".join(lines) + "\n")


def remove() -> bool:
    """Was it there? Read back to be gone. Raises: Unavailable."""
    if not present():
        return False
    _nft(f"delete table {FAMILY} {TABLE}\n")
    if present():
        raise Unavailable(f"the table {FAMILY} {TABLE} is still there after deleting it")
    return True


def present() -> bool:
    """Is the table there? Raises: Unavailable."""
    done = _run(["nft", "list", "tables"])
    if done.returncode:
        raise Unavailable(f"the packet rules cannot be read: {_last(done.stderr)}")
    return f"table {FAMILY} {TABLE}" in done.stdout.splitlines()


def _nft(script: str) -> None:
    done = _run(["nft", "-f", "-"], script)
    if done.returncode:
        raise Unavailable(f"the packet rules cannot be set: {_last(done.stderr)}")


def _run(words: list[str], script: str | None = None) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(words, input=script, capture_output=True, text=True, timeout=WITHIN_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as cause:
        raise Unavailable(f"nft cannot be run: {cause}") from cause


def _last(text: str) -> str:
    """nft draws an arrow below its one sentence."""
    lines = [line for line in text.splitlines() if "Error" in line or "not permitted" in line]
    return (lines or text.splitlines() or ["it said nothing"])[0].strip()
