"""`namespace`: is a container's network its own, and whose besides?"""

from __future__ import annotations

from pathlib import Path

from chaos.agent.inside import belongs, check, machine

PROC = Path("/proc")


def run(*, pid: int, container: str) -> str:
    """Who else would feel what is done to it; empty when nobody would. Raises: Unavailable."""
    check(pid, container)
    network = _network(pid)
    if network == _network(machine()):
        return "it is in the machine's own network, and so would be everybody else on that machine"
    for entry in PROC.iterdir():
        if not entry.name.isdigit() or belongs(int(entry.name), container):
            continue
        try:
            if _network(int(entry.name)) == network and not _is_ours(entry):
                name = (entry / "comm").read_text().strip()
                return f"its network is another's too, who would be disturbed: process {entry.name} ({name})"
        except OSError:
            continue  # it ended
    return ""


def _network(pid: int) -> str:
    return str((PROC / str(pid) / "ns/net").readlink())


def _is_ours(entry: Path) -> bool:
    """A sidecar with its fault proxy, or a call of this agent that has stepped in for a moment, and what that runs."""
    words = (entry / "cmdline").read_bytes().decode(errors="replace").split("\0")
    called = words[1:2] == ["-m"] and words[2:3] in (["chaos.agent"], ["chaos.proxy.server"])
    return called or (entry / "cgroup").read_text() == (PROC / "self/cgroup").read_text()
