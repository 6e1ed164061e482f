"""`isolate`: a service that nobody can reach."""

from __future__ import annotations

from typing import Any, ClassVar

from chaos.faults.shared.container import Contained, Inside
from chaos.faults.shared.packets import Direction, RuleFault, baseline, before, chosen, own_network, ping
from chaos.model.fault import Evidence

# Loopback stays: it is inside, and Docker's name server answers on it.
NETWORK = {"in": 'iifname != "lo"', "out": 'oifname != "lo"'}


class Isolate(RuleFault):
    """No packet gets to the service or leaves it, of its proxies and open connections too; loopback inside it stays."""

    kind: ClassVar[str] = "isolate"
    example: ClassVar[str] = "isolate: {service: db, for: 20s}"

    direction: Direction = "both"  # both ways, or only what comes in, or only what goes out

    def look(self, inside: Inside, mark: str) -> dict[str, Any]:
        own_network(inside)
        return {"before": baseline(inside)}

    def chains(self, held: Contained) -> dict[str, list[str]]:
        return {chain: [f"{NETWORK[chain]} counter drop"] for chain in chosen(self.direction)}

    def judge(self, inside: Inside, held: Contained) -> Evidence:
        """A neighbour's packets to it are all lost, or their answers are."""
        who, found = ping(inside)
        return Evidence(
            confirmed=found.answered == 0,
            text=f"{found.answered} of {found.sent} packets from {who} answered (before: {before(held).answered})",
            measured=found.lost() / found.sent,
            intended=1.0,
            unit="ratio",
        )
