"""What the faults of the kernel's network emulator have in common: netem on what a service sends."""

from __future__ import annotations

from typing import Any

from chaos.errors import Unavailable
from chaos.faults.shared import packets
from chaos.faults.shared.container import Contained, Inside
from chaos.faults.shared.packets import Pings, QueueFault, baseline, before, own_network, ping
from chaos.model.fault import Evidence
from chaos.units import Ratio

NO_NETEM = "the engine's kernel has no netem (the module sch_netem), which alone can do that"


class NetemFault(QueueFault):
    """A subclass says what netem is told, and which of the counted packets show it."""

    ratio: Ratio  # of the packets that the service sends

    def __post_init__(self) -> None:
        packets.ratio(self.ratio)

    def shown(self, found: Pings) -> tuple[int, str]:
        """How many of the packets show it, and in which words."""
        raise NotImplementedError

    def least(self) -> float:
        """The share that shows it at least. Less than `ratio` where not all that netem does is seen from outside."""
        return float(self.ratio)

    def look(self, inside: Inside, mark: str) -> dict[str, Any]:
        if not inside.call("netem"):
            raise Unavailable(NO_NETEM)
        own_network(inside)
        self.check_queues(inside, mark)
        return {"before": baseline(inside)}

    def judge(self, inside: Inside, held: Contained) -> Evidence:
        """By a neighbour's packets and their answers."""
        share = float(self.ratio)
        who, found = ping(inside, packets.packets_for(share))
        hit, words = self.shown(found)
        enough = hit >= found.sent * self.least() or packets.fits(hit, found.sent, self.least())
        return Evidence(
            confirmed=enough and hit > 0 and (hit <= found.sent * share or packets.fits(hit, found.sent, share)),
            text=f"{hit} of {found.sent} answers to {who} {words}, {share:.0%} intended "
            f"(before: {self.shown(before(held))[0]} of {before(held).sent})",
            measured=hit / found.sent,
            intended=share,
            unit="ratio",
        )


def percent(ratio: Ratio) -> str:
    return f"{float(ratio) * 100:g}%"
