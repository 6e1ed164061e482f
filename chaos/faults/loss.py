"""`loss`: packets that get lost."""

from __future__ import annotations

from typing import Any, ClassVar

from chaos.faults.isolate import NETWORK
from chaos.faults.shared import packets
from chaos.faults.shared.container import Contained, Inside
from chaos.faults.shared.packets import Direction, RuleFault, baseline, before, chosen, own_network, ping
from chaos.model.fault import Evidence
from chaos.units import Ratio

# nft draws a whole number; the smallest share of it is a hundredth of a percent.
DRAW = 10_000


class Loss(RuleFault):
    """So large a `ratio` of the service's packets is lost, each by a draw of its own."""

    kind: ClassVar[str] = "loss"
    example: ClassVar[str] = "loss: {service: db, ratio: 5%, for: 30s}"

    ratio: Ratio  # of the packets of each direction
    direction: Direction = "both"  # both ways, or only what comes in, or only what goes out

    def __post_init__(self) -> None:
        packets.ratio(self.ratio)

    def look(self, inside: Inside, mark: str) -> dict[str, Any]:
        own_network(inside)
        return {"before": baseline(inside)}

    def chains(self, held: Contained) -> dict[str, list[str]]:
        draw = f"numgen random mod {DRAW} < {round(self.ratio * DRAW)} counter drop"
        return {chain: [f"{NETWORK[chain]} {draw}"] for chain in chosen(self.direction)}

    def judge(self, inside: Inside, held: Contained) -> Evidence:
        """By a neighbour's packets and their answers: what is lost of both must fit the ratio."""
        # A packet and its answer: with loss both ways each of the two may be lost.
        share = 1 - (1 - float(self.ratio)) ** len(chosen(self.direction))
        who, found = ping(inside, packets.packets_for(share))
        return Evidence(
            confirmed=packets.fits(found.lost(), found.sent, share) and found.lost() > 0,
            text=f"{found.lost()} of {found.sent} packets from {who} or their answers lost, {share:.0%} intended "
            f"(before: {before(held).lost()} of {before(held).sent})",
            measured=found.lost() / found.sent,
            intended=share,
            unit="ratio",
        )
