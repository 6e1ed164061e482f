"""`measure`: round trips through a link's proxy, from where the link's client stands."""

from __future__ import annotations

from typing import Any

from chaos.agent.inside import enter_network


def run(
    *, pid: int, container: str, kind: str, where: dict[str, Any], attributes: dict[str, int], connections: int
) -> list[dict[str, Any]]:
    """Samples of chaos.proxy.measure as plain data."""
    from dataclasses import asdict

    from chaos.proxy.measure import Where, measure

    enter_network(pid, container)
    return [asdict(sample) for sample in measure(kind, Where(**where), attributes, connections=connections)]
