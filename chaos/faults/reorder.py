"""`reorder`: packets that overtake each other."""

from __future__ import annotations

from typing import ClassVar

from chaos.faults.shared import limits
from chaos.faults.shared.netem import NetemFault, percent
from chaos.faults.shared.packets import EVERY_MS, Pings
from chaos.units import Duration

# Packets of the confirmation follow each other that closely; a shorter delay lets none overtake another.
DELAY_MIN = Duration(4 * EVERY_MS / 1000)


class Reorder(NetemFault):
    """What the service sends is `delay` late, but a `ratio` of its packets overtakes (needs a kernel with netem)."""

    kind: ClassVar[str] = "reorder"
    example: ClassVar[str] = "reorder: {service: db, ratio: 20%, delay: 20ms, for: 30s}"

    delay: Duration = Duration(0.02)  # of those that do not overtake

    def __post_init__(self) -> None:
        NetemFault.__post_init__(self)
        limits.delay("delay", self.delay, least=DELAY_MIN)

    def words(self) -> list[str]:
        return ["netem", "delay", f"{self.delay.ms:g}ms", "reorder", percent(self.ratio)]

    def least(self) -> float:
        # Those behind one that overtook are the ones that are seen to come late: one each, or fewer where several
        # overtake the same.
        return float(self.ratio) / 2

    def shown(self, found: Pings) -> tuple[int, str]:
        return found.reordered, "came out of order"
