"""`rate`: a narrow network."""

from __future__ import annotations

import math
from typing import Any, ClassVar

from chaos.errors import Unavailable
from chaos.faults.shared import limits
from chaos.faults.shared.container import Contained, Inside
from chaos.faults.shared.packets import Pings, QueueFault, before, own_network, ping
from chaos.model.base import to_plain
from chaos.model.fault import Evidence
from chaos.model.platform import NetworkShaper
from chaos.units import Bytes

# What a confirmation can tell: fewer are hardly a packet in its time, more than it can send itself.
PER_SECOND_MIN, PER_SECOND_MAX = Bytes(10_000), Bytes(5_000_000)

# A queue that is full drops: about what a router of a home or of a cloud's edge holds.
QUEUE_MS = 200
# What may go at once, though the rate is low: two full packets of Ethernet.
BURST_MIN = 3100
BURST_S = 0.02
# Measured with three times as much as it lets through, in packets of one Ethernet frame each, for so long.
OFFERED, SIZE, LASTS_S = 3.0, 1400, 1.0
# What comes through, against the rate: tc and nft count other headers than we do, and a burst goes first.
LEAST, MOST = 0.5, 1.5
# A busy machine sends fewer than it is told to; with less than that nothing can be told.
ENOUGH = 2.0
HEADERS = 28  # IPv4 and ICMP


class Rate(QueueFault):
    """What the service sends, over all of its connections together, is at most `per-second` bytes a second."""

    kind: ClassVar[str] = "rate"
    needs: ClassVar[type] = NetworkShaper
    example: ClassVar[str] = "rate: {service: db, per-second: 100KB, for: 30s}"

    per_second: Bytes  # for all of its connections together

    def __post_init__(self) -> None:
        limits.size("per-second", self.per_second, least=PER_SECOND_MIN, most=PER_SECOND_MAX)

    def look(self, inside: Inside, mark: str) -> dict[str, Any]:
        own_network(inside)
        self.check_queues(inside, mark)
        who, found = self._measure(inside)
        if found.bytes_per_s < self.per_second * ENOUGH:
            raise Unavailable(
                f"only {found.bytes_per_s / 1000:.0f} kB/s come back to {who} as it is, so {self.per_second} a second "
                "could not be confirmed"
            )
        return {"before": to_plain(found)}

    def _measure(self, inside: Inside) -> tuple[str, Pings]:
        count = math.ceil(self.per_second * OFFERED * LASTS_S / (SIZE + HEADERS))
        return ping(inside, count, every_ms=LASTS_S * 1000 / count, size=SIZE, wait_s=QUEUE_MS / 1000 * 2)

    def words(self) -> list[str]:
        burst = max(BURST_MIN, round(self.per_second * BURST_S))
        return ["tbf", "rate", f"{round(self.per_second)}bps", "burst", str(burst), "latency", f"{QUEUE_MS}ms"]

    def judge(self, inside: Inside, held: Contained) -> Evidence:
        """By what comes back to a neighbour that sends three times as much."""
        who, found = self._measure(inside)
        offered = found.offered_per_s * (SIZE + HEADERS)
        least, most = self.per_second * LEAST, self.per_second * MOST
        return Evidence(
            confirmed=bool(least <= found.bytes_per_s <= most and offered >= self.per_second * ENOUGH),
            text=f"{found.bytes_per_s / 1000:.0f} of {offered / 1000:.0f} kB/s come back to {who}, "
            f"{self.per_second / 1000:.0f} intended (before: {before(held).bytes_per_s / 1000:.0f})",
            measured=found.bytes_per_s,
            intended=float(self.per_second),
            unit="B/s",
        )
